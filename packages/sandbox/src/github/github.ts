import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { found } from '../found.ts'
import { headBranch, objectsSize } from '../git/bare-repository.ts'
import type { Exchange } from '../http/listener.ts'
import { RestError } from '../http/rest-error.ts'
import { sendJson, sendText } from '../http/send-json.ts'
import { storeLfsObject, type LfsContent, type StoredLfsObject } from '../lfs/content.ts'
import { LfsLinks } from '../lfs/links.ts'
import { lfsOptions } from '../lfs/options.ts'
import { LfsStore } from '../lfs/store.ts'
import { SandboxServer, type ServerParts } from '../server.ts'
import { authenticate } from './authenticate.ts'
import { GitHubContext, serverVersion } from './context.ts'
import { badCredentials, gitHubError } from './errors.ts'
import { GitHubGit, isGitPath } from './git.ts'
import { GitHubLfs } from './lfs.ts'
import { identityOf, Limits } from './limits.ts'
import type { Account, App, Level, Repository } from './model.ts'
import { lowerCase, teamSlug } from './names.ts'
import { OAuth } from './oauth.ts'
import type { AppHandle, GitHubOptions, NewApp, NewOrganization, NewTargetRepository, NewTeam, NewToken, RefRule } from './options.ts'
import { gitHubRoutes } from './routes/index.ts'
import { Shapes } from './shapes.ts'
import { GitHubState, repositoryKey } from './state.ts'

/** A GitHub on loopback: its REST API, its git, and the pages of its OAuth flow. */
export class GitHubSandbox extends SandboxServer {
  /** Login of the administrator. */
  readonly adminLogin = 'admin'
  /** A classic token of the administrator with every scope that matters. */
  readonly token: string
  readonly #options: GitHubOptions
  readonly #state: GitHubState
  readonly #limits: Limits
  readonly #oauth: OAuth
  readonly #git: GitHubGit
  readonly #rules: RefRule[] = []
  #context!: GitHubContext
  #lfs!: GitHubLfs
  #webUrl = ''

  private constructor(parts: ServerParts, options: GitHubOptions) {
    super(parts, options)
    this.#options = options
    this.#state = new GitHubState(parts.folder)
    this.#limits = new Limits(options)
    this.#oauth = new OAuth(this.#state)
    this.#git = new GitHubGit({ git: parts.git, backend: this.backend, state: this.#state, options, rules: this.#rules, folder: parts.folder })
    this.#addUser(this.adminLogin, true)
    this.token = this.createToken({ user: this.adminLogin, scopes: ['repo', 'admin:org', 'delete_repo', 'workflow'] })
  }

  /** Starts the server. */
  static async start(parts: ServerParts, options: GitHubOptions): Promise<GitHubSandbox> {
    const server = new GitHubSandbox(parts, options)
    server.#webUrl = await server.listener.listen()
    const { separateStorage = true, linkTtlSeconds } = lfsOptions(options.lfs)
    server.#lfs = new GitHubLfs(new LfsLinks(separateStorage ? await server.listener.listen(0) : server.#webUrl, linkTtlSeconds))
    server.#context = new GitHubContext({
      git: parts.git,
      state: server.#state,
      shapes: new Shapes(server.url, server.#webUrl),
      limits: server.#limits,
      ...(server.#apiPath ? { serverVersion } : {}),
      createRepository: (wanted) => server.#makeRepository(wanted),
    })
    gitHubRoutes(server.app, server.#context, server.#apiPath)
    await server.app.ready()
    return server
  }

  /** Base of the REST API. */
  get url(): string {
    return this.#webUrl + this.#apiPath
  }

  /** Base of git addresses and of the pages. */
  get webUrl(): string {
    return this.#webUrl
  }

  /** Creates a user. */
  createUser(user: { login: string }): { login: string } {
    this.#addUser(user.login, false)
    return user
  }

  /** Says whose browser it is that opens the OAuth pages. */
  setBrowserUser(login: string): void {
    this.#oauth.browserUser = login
  }

  /** Creates an organisation. */
  createOrganization(wanted: NewOrganization): { login: string; id: number } {
    const { login, enterprise = false, description = null, owners = [], members = [], basePermission = 'pull', membersCanCreateRepositories = true } = wanted
    const id = this.#state.nextId()
    this.#state.accounts.set(login.toLowerCase(), {
      kind: 'organization', id, login, description, enterprise, owners: lowerCase(owners), members: lowerCase(members), teams: [],
      basePermission, membersCanCreateRepositories,
    })
    return { login, id }
  }

  /** Creates a personal access token. */
  createToken({ user, scopes = [], fineGrained = false, permissions }: NewToken): string {
    const owner = found(this.#state.user(user), `user ${user}`)
    if (fineGrained) return this.#state.addToken('github_pat', { kind: 'user', user: owner, scopes: undefined, permissions })
    return this.#state.addToken('ghp', { kind: 'user', user: owner, scopes })
  }

  /** Makes a token unknown from now on. */
  revokeToken(token: string): void {
    this.#state.tokens.delete(token)
  }

  /** Creates a GitHub App with a key of its own. */
  createApp(wanted: NewApp = {}): AppHandle {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const id = this.#state.nextId()
    const app: App = {
      id,
      slug: wanted.slug ?? `app-${id}`,
      publicKey,
      clientId: `Iv1.${randomBytes(8).toString('hex')}`,
      clientSecret: randomBytes(20).toString('hex'),
      callbackUrl: wanted.callbackUrl,
      userTokenTtlSeconds: wanted.userTokenTtlSeconds ?? 28_800,
    }
    this.#state.apps.set(id, app)
    return {
      appId: id,
      slug: app.slug,
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      clientId: app.clientId,
      clientSecret: app.clientSecret,
      install: (owner, options = {}) => {
        const account = this.#account(owner)
        const installation = this.#state.nextId()
        const { permissions = { administration: 'write', contents: 'write', metadata: 'read' }, tokenTtlSeconds = 3600 } = options
        this.#state.installations.set(installation, { id: installation, app, account, permissions, tokenTtlSeconds })
        return installation
      },
    }
  }

  /** Creates a repository without the API, and fills it. */
  async createRepository(wanted: NewTargetRepository): Promise<{ owner: string; name: string; id: number; path: string; cloneUrl: string }> {
    const repository = await this.#makeRepository(wanted)
    const { id, path, name, owner } = repository
    return { owner: owner.login, name, id, path, cloneUrl: `${this.#webUrl}/${owner.login}/${name}.git` }
  }

  /** Folder of a repository's bare repository. */
  repositoryPath(owner: string, name: string): string {
    return this.#repository(owner, name).path
  }

  /** What the server knows of a repository; undefined when there is none. */
  repository(owner: string, name: string): Readonly<Omit<Repository, 'owner' | 'collaborators'>> | undefined {
    return this.#state.repository(owner, name)
  }

  /** Changes a repository after its creation. */
  updateRepository(owner: string, name: string, change: Partial<Pick<Repository, 'description' | 'archived' | 'visibility'>>): void {
    Object.assign(this.#repository(owner, name), change)
  }

  /** Stores an LFS object, without a commit that names it. */
  async addLfsObject(owner: string, name: string, content: LfsContent): Promise<StoredLfsObject> {
    return storeLfsObject(this.#repository(owner, name).path, content)
  }

  /** Size of a repository's LFS object in bytes; undefined when it is not there. */
  async lfsObjectSize(owner: string, name: string, oid: string): Promise<number | undefined> {
    return new LfsStore(this.#repository(owner, name).path).size(oid)
  }

  /** Gives a user a level of access to a repository. */
  setCollaborator(owner: string, name: string, login: string, level: Level): void {
    this.#repository(owner, name).collaborators.set(login.toLowerCase(), level)
  }

  /** Creates a team. */
  createTeam({ org, name, description, privacy = 'closed', members = [] }: NewTeam): { id: number; slug: string } {
    const organization = found(this.#state.organization(org), `organisation ${org}`)
    const slug = teamSlug(name)
    const id = this.#state.nextId()
    organization.teams.push({ id, slug, name, description: description ?? null, privacy, members: lowerCase(members), permissions: new Map() })
    return { id, slug }
  }

  /** Refuses refs of pushes from now on, each by itself. Returns the function that ends it. */
  rejectRefs(rule: RefRule): () => void {
    this.#rules.push(rule)
    return () => void this.#rules.splice(this.#rules.indexOf(rule), 1)
  }

  get #apiPath(): string {
    return this.#options.apiPath ?? '/api/v3'
  }

  /** @internal */
  protected async handle(exchange: Exchange): Promise<void> {
    const { request, response, url } = exchange
    response.setHeader('x-github-request-id', randomBytes(8).toString('hex').toUpperCase())
    if (await this.#oauth.serve(request, response, url)) return
    if (await this.#lfs.serveStorage(exchange)) return
    const overGit = isGitPath(url.pathname)
    const actor = authenticate(this.#state, request.headers.authorization, overGit)
    if (overGit) {
      if (!actor) return sendText(response, 401, 'Invalid username or token.\n', { 'www-authenticate': 'Basic realm="GitHub"' })
      return this.#git.serve(exchange, actor, this.#lfs)
    }
    if (!url.pathname.startsWith(this.#apiPath)) return sendText(response, 404, 'Not Found\n')
    try {
      if (!request.headers['user-agent']) throw gitHubError(403, 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header')
      if (!actor) throw badCredentials()
      const path = url.pathname.slice(this.#apiPath.length)
      if (path !== '/rate_limit') this.#limits.count(identityOf(actor), request.method ?? '', request.method === 'POST', response)
    } catch (error) {
      if (!(error instanceof RestError)) throw error
      request.resume()
      return sendJson(response, error.status, error.body, error.headers)
    }
    if (actor.kind === 'user' && actor.scopes) response.setHeader('x-oauth-scopes', actor.scopes.join(', '))
    response.setHeader('x-github-media-type', 'github.v3; format=json')
    if (this.#apiPath) response.setHeader('x-github-enterprise-version', serverVersion)
    this.#context.identify(request, actor)
    this.app.routing(request, response)
  }

  async #makeRepository(wanted: NewTargetRepository): Promise<Repository> {
    const { name, visibility = 'private', description = null, archived = false, seed, defaultBranch = 'main', objectFormat } = wanted
    const owner = this.#account(wanted.owner)
    const id = this.#state.nextId()
    const path = this.#state.pathFor(id)
    const now = Date.now()
    const repository: Repository = {
      id, owner, name, path, description, homepage: null, visibility, archived, topics: [], defaultBranch, createdAt: now, updatedAt: now,
      pushedAt: now, size: 0, collaborators: new Map(), settings: {},
    }
    // Taken before anything is awaited: of two requests for one name the second finds it taken.
    this.#state.repositories.set(repositoryKey(owner.login, name), repository)
    await this.plant({ path, defaultBranch, objectFormat, seed, key: `${owner.login}/${name}` })
    if (seed) Object.assign(repository, { defaultBranch: await headBranch(path), size: await objectsSize(path) })
    return repository
  }

  #addUser(login: string, siteAdmin: boolean): void {
    this.#state.accounts.set(login.toLowerCase(), { kind: 'user', id: this.#state.nextId(), login, siteAdmin })
  }

  #account(login: string): Account {
    return found(this.#state.account(login), `account ${login}`)
  }

  #repository(owner: string, name: string): Repository {
    return found(this.#state.repository(owner, name), `repository ${owner}/${name}`)
  }
}
