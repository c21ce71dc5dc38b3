import { randomBytes } from 'node:crypto'
import { found } from '../found.ts'
import { listRefs } from '../git/bare-repository.ts'
import type { Exchange } from '../http/listener.ts'
import { storeLfsObject, type LfsContent, type StoredLfsObject } from '../lfs/content.ts'
import { LfsLinks } from '../lfs/links.ts'
import { lfsOptions } from '../lfs/options.ts'
import { LfsStore } from '../lfs/store.ts'
import { SandboxServer, type ServerParts } from '../server.ts'
import { Access, Authenticator, grant } from './access.ts'
import { BitbucketContext } from './context.ts'
import { FrontDoor } from './front-door.ts'
import { BitbucketLfs } from './lfs.ts'
import type { Level, Project, PullRequest, Repository, User } from './model.ts'
import type {
  BitbucketOptions, NewProject, NewPullRequest, NewRepository, NewUser, PermissionChange, RepositoryHandle, TokenSubject,
} from './options.ts'
import { bitbucketRoutes } from './routes/index.ts'
import type { DataKind } from './routes/settings.ts'
import { Shapes } from './shapes.ts'
import { BitbucketState, noGrants, repositoryKey } from './state.ts'

/** A Bitbucket Data Center on loopback. */
export class BitbucketSandbox extends SandboxServer {
  /** Name of an administrator. */
  readonly adminUsername = 'admin'
  /** Password of that administrator. */
  readonly adminPassword = randomBytes(12).toString('hex')
  /** An HTTP access token of that administrator. */
  readonly token: string
  readonly #options: BitbucketOptions
  readonly #state: BitbucketState
  #context!: BitbucketContext
  #door!: FrontDoor
  #url = ''

  private constructor(parts: ServerParts, options: BitbucketOptions) {
    super(parts, options)
    this.#options = options
    this.#state = new BitbucketState(parts.folder)
    this.createUser({ name: this.adminUsername, password: this.adminPassword, displayName: 'Administrator', admin: true })
    this.token = this.createToken({ user: this.adminUsername }, 'ADMIN')
  }

  /** Starts the server. */
  static async start(parts: ServerParts, options: BitbucketOptions): Promise<BitbucketSandbox> {
    const server = new BitbucketSandbox(parts, options)
    server.#url = `${await server.listener.listen()}${options.contextPath ?? ''}`
    const lfs = lfsOptions(options.lfs)
    const storageUrl = lfs.separateStorage ? `${await server.listener.listen(0)}${options.contextPath ?? ''}` : server.#url
    const version = options.version ?? '9.4.0'
    server.#context = new BitbucketContext({
      git: parts.git,
      state: server.#state,
      access: new Access(server.#state),
      shapes: new Shapes(server.#url, version),
      version,
      pageCap: options.pageCap ?? 1000,
      rateLimit: options.rateLimit,
      lfs: new BitbucketLfs(new LfsLinks(storageUrl, lfs.linkTtlSeconds)),
    })
    bitbucketRoutes(server.app, server.#context, options.contextPath ?? '')
    await server.app.ready()
    server.#door = new FrontDoor({
      options, app: server.app, backend: server.backend, context: server.#context, url: server.#url,
      authenticator: new Authenticator(server.#state, options.captchaAfter),
    })
    return server
  }

  /** Base URL, context path included, without a slash at the end. */
  get url(): string {
    return this.#url
  }

  /** Creates a user, who may see nothing but what is public. */
  createUser(user: NewUser): { name: string; password: string } {
    const { name, password, displayName = name, emailAddress = `${name}@example.invalid`, admin = false } = user
    const slug = name.toLowerCase().replace(/[^\p{L}\p{N}\p{Extended_Pictographic}._-]/gu, '_')
    const id = this.#state.nextId()
    this.#state.users.set(name.toLowerCase(), { id, name, slug, password, displayName, emailAddress, admin, active: true })
    return { name, password }
  }

  /** Creates a group, or replaces its members. */
  createGroup(group: { name: string; members: readonly string[] }): void {
    this.#state.groups.set(group.name, new Set(group.members))
  }

  /**
   * Creates an HTTP access token. A user's works as bearer and as the password; a project's or repository's as bearer only.
   * @param permission how far it reaches at most. Default WRITE.
   */
  createToken(subject: TokenSubject, permission: 'READ' | 'WRITE' | 'ADMIN' = 'WRITE'): string {
    const level: Level = permission === 'READ' ? 1 : permission === 'WRITE' ? 2 : 3
    if ('user' in subject) return this.#state.addToken({ kind: 'user', user: this.#user(subject.user), level })
    if (!('repository' in subject)) return this.#state.addToken({ kind: 'project', project: this.#project(subject.project), level })
    return this.#state.addToken({ kind: 'repository', repository: this.#repository(subject.project, subject.repository), level })
  }

  /** Makes a token unknown from now on. */
  revokeToken(token: string): void {
    this.#state.tokens.delete(token)
  }

  /** Creates a project. */
  createProject(project: NewProject): { key: string } {
    const key = project.key.toUpperCase()
    const owner = project.personal ?? (key.startsWith('~') ? project.key.slice(1) : undefined)
    const created: Project = {
      id: this.#state.nextId(),
      key,
      name: project.name ?? project.key,
      description: project.description,
      public: project.public ?? false,
      owner: owner === undefined ? undefined : this.#user(owner),
      grants: noGrants(),
      defaultPermission: undefined,
      data: new Map(),
    }
    this.#state.projects.set(key, created)
    return { key }
  }

  /** Creates a repository and fills it. */
  async createRepository(wanted: NewRepository): Promise<RepositoryHandle> {
    const { slug, defaultBranch = 'main', forkOf } = wanted
    const origin = forkOf && this.#repository(forkOf.project, forkOf.slug)
    if (!this.#state.project(wanted.project)) this.createProject({ key: wanted.project })
    const project = this.#project(wanted.project)
    const id = this.#state.nextId()
    const seed = wanted.seed ?? (origin ? { from: origin.path } : { commits: 3 })
    const hasObjects = 'lfs' in seed && seed.lfs !== undefined
    const repository: Repository = {
      id,
      slug,
      name: wanted.name ?? slug,
      project,
      path: this.#state.pathFor(id, slug),
      description: wanted.description,
      archived: wanted.archived ?? false,
      public: wanted.public ?? false,
      labels: [...(wanted.labels ?? [])],
      lfs: wanted.lfs ?? (hasObjects && this.#servesLfs),
      origin,
      grants: noGrants(),
      data: new Map(),
      pullRequests: [],
    }
    await this.plant({ path: repository.path, defaultBranch, objectFormat: wanted.objectFormat, seed, key: `${project.key}/${slug}` })
    this.#state.repositories.set(repositoryKey(project.key, slug), repository)
    return { project: project.key, slug, path: repository.path, cloneUrl: this.#context.shapes.cloneUrl(repository) }
  }

  /** Changes a repository after its creation. */
  updateRepository(
    project: string,
    slug: string,
    change: Partial<Pick<Repository, 'description' | 'archived' | 'public' | 'labels' | 'lfs'>>,
  ): void {
    Object.assign(this.#repository(project, slug), change)
  }

  /** Removes a repository from the server; its folder stays until the sandbox is closed. */
  deleteRepository(project: string, slug: string): void {
    this.#state.repositories.delete(repositoryKey(project, slug))
  }

  /** Folder of a repository's bare repository. */
  repositoryPath(project: string, slug: string): string {
    return this.#repository(project, slug).path
  }

  /** Stores an LFS object, without a commit that names it, and switches Git LFS on for the repository. */
  async addLfsObject(project: string, slug: string, content: LfsContent): Promise<StoredLfsObject> {
    const repository = this.#repository(project, slug)
    repository.lfs = this.#servesLfs
    return storeLfsObject(repository.path, content)
  }

  /** Loses an LFS object, as servers do. */
  async removeLfsObject(project: string, slug: string, oid: string): Promise<void> {
    await new LfsStore(this.#repository(project, slug).path).remove(oid)
  }

  /** Grants or takes away a right. */
  setPermission(change: PermissionChange): void {
    const { user, group, permission } = change
    const project = this.#project(change.project)
    const grants = change.repository === undefined ? project.grants : this.#repository(change.project, change.repository).grants
    if (user !== undefined) grant(grants.users, this.#user(user).name, permission)
    else if (group !== undefined) grant(grants.groups, group, permission)
    else project.defaultPermission = permission
  }

  /**
   * Sets what an endpoint of settings answers: the values of its list, or its one value.
   * @param slug undefined for the project's own settings.
   */
  setData(project: string, slug: string | undefined, kind: DataKind, value: unknown): void {
    const { data } = slug === undefined ? this.#project(project) : this.#repository(project, slug)
    data.set(kind, value)
  }

  /** Creates a pull request, with the refs that the server keeps for it (`refs/pull-requests/N/from` and `/merge`). */
  async createPullRequest(wanted: NewPullRequest): Promise<{ id: number }> {
    const repository = this.#repository(wanted.project, wanted.slug)
    const tip = async (branch: string) => {
      const [ref] = await listRefs(this.parts.git, repository.path, `refs/heads/${branch}`)
      if (!ref) throw new Error(`There is no branch ${branch}`)
      return { id: ref.name, latestCommit: ref.commit }
    }
    const [fromRef, toRef] = await Promise.all([tip(wanted.from), tip(wanted.to)])
    const id = repository.pullRequests.length + 1
    const state = wanted.state ?? 'OPEN'
    const date = 1_700_000_000_000 + id * 1000
    const pull: PullRequest = {
      id,
      title: wanted.title,
      description: wanted.description,
      state,
      fromRef,
      toRef,
      author: this.#user(wanted.author ?? this.adminUsername),
      createdDate: date,
      updatedDate: date,
      closedDate: state === 'OPEN' ? undefined : date,
      activities: wanted.activities ?? [],
    }
    repository.pullRequests.push(pull)
    await this.parts.git.run(repository.path, ['update-ref', `refs/pull-requests/${id}/from`, fromRef.latestCommit])
    await this.parts.git.run(repository.path, ['update-ref', `refs/pull-requests/${id}/merge`, fromRef.latestCommit])
    return { id }
  }

  /** @internal */
  protected handle(exchange: Exchange): Promise<void> {
    return this.#door.handle(exchange)
  }

  get #servesLfs(): boolean {
    return lfsOptions(this.#options.lfs).enabled ?? true
  }

  #user(name: string): User {
    return found(this.#state.user(name), `user ${name}`)
  }

  #project(key: string): Project {
    return found(this.#state.project(key), `project ${key}`)
  }

  #repository(key: string, slug: string): Repository {
    return found(this.#state.repository(key, slug), `repository ${key}/${slug}`)
  }
}
