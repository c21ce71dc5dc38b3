import {
  HttpClient, HostBudget, SaddleError, SafeEmitter,
  type CallOptions, type ErrorContext, type GitRemote, type HttpEvents, type Redactor,
} from '@saddle/transport'
import { readAccess } from './access.ts'
import { listOrganizations, readAccount, readViewer, type Account } from './accounts.ts'
import { defaultBaseUrl, gitHubBudget, webUrlOf } from './addresses.ts'
import { AppCredentials } from './app-credentials.ts'
import { SourceCredentials, TokenCredentials, type Credentials } from './credentials.ts'
import { checkOwner, checkRepositoryName } from './names.ts'
import { waitForGit, type ReadinessOptions } from './readiness.ts'
import { createRepository, deleteRepository, listUserRepositories, readRepository, updateRepository } from './repositories.ts'
import { Rest } from './rest.ts'
import * as schema from './schema.ts'
import { deleteTeam, putTeam } from './teams.ts'
import type {
  AccessReport, GitHubClientOptions, NewRepository, Organization, RateLimit, RepositoryUpdate, TargetRepository, Team,
  TeamPermission, TeamRepository, Viewer,
} from './types.ts'

/**
 * The target: GitHub through its REST API, at github.com, an Enterprise Server, or Enterprise Cloud with data residency.
 *
 * Every method throws {@link SaddleError}: `AUTHENTICATION_FAILED`, `FORBIDDEN`, `NOT_FOUND` (also where the credentials
 * may not see it: GitHub answers 404 for both), `ALREADY_EXISTS`, `INVALID_INPUT`, `CONFLICT`, `RATE_LIMITED`,
 * `REDIRECTED`, `UPSTREAM_ERROR`, `PROTOCOL_ERROR`, `NETWORK`, `TIMEOUT`, `TLS`, `ABORTED`. Requests that may be
 * repeated are, after passing failures; a POST only when a rate limit refused it. Lists are lazy: a page is fetched when
 * it is needed.
 *
 * @example
 * ```ts
 * import { GitHubClient } from '@saddle/github-client'
 *
 * const github = new GitHubClient({ auth: { token: githubToken } })
 * const { missing } = await github.checkAccess('acme')
 * for (const sentence of missing) console.warn(sentence)
 * ```
 */
export class GitHubClient extends SafeEmitter<HttpEvents> {
  /** Base of the REST API. */
  readonly baseUrl: URL
  /** Base of web and git addresses. */
  readonly webUrl: URL
  readonly redactor: Redactor
  /** Whether credentials travel in clear: plain `http` to another machine than this. Worth a warning. */
  readonly insecure: boolean
  readonly #options: GitHubClientOptions
  readonly #http: HttpClient
  readonly #rest: Rest
  readonly #credentials: Credentials
  readonly #gitBudget = new HostBudget({ concurrency: 32 })
  /** One for each owner, since an App has a token for each. */
  readonly #gitClients = new Map<string, HttpClient>()
  readonly #accounts = new Map<string, Account>()

  constructor(options: GitHubClientOptions) {
    super()
    const { auth, baseUrl = defaultBaseUrl, gitUrl, ...http } = options
    this.#options = options
    // GitHub sees few connections at once from one user; the budget bounds requests further.
    this.#http = new HttpClient({ ...http, baseUrl, budget: options.budget ?? gitHubBudget(baseUrl), connections: 50 })
    this.baseUrl = this.#http.baseUrl
    this.webUrl = new URL(gitUrl ?? webUrlOf(this.baseUrl))
    this.redactor = this.#http.redactor
    this.#forward(this.#http)
    const onRetry = (event: HttpEvents['retry']) => { this.emit('retry', event) }
    const shared = { http: this.#http, retry: options.retry, userAgent: options.userAgent, onRetry }
    const credentials: Credentials =
      !('token' in auth) ? new AppCredentials(auth, shared)
      : typeof auth.token === 'function' ? new SourceCredentials(auth.token, this.redactor)
      : new TokenCredentials(auth.token, this.redactor)
    this.#credentials = credentials
    this.#rest = new Rest({
      ...shared,
      authorize: async (scope) => `token ${await credentials.token(scope)}`,
      onUnauthorized: (scope) => credentials.refused(scope),
    })
    this.insecure = this.#http.insecure || this.#gitClient('').insecure
  }

  /** Whose credentials these are. `FORBIDDEN` for a token of an App's installation, which belongs to nobody. */
  viewer(options: CallOptions = {}): Promise<Viewer> {
    return readViewer(this.#rest, this.#credentials, options)
  }

  /**
   * A repository; undefined when there is none, or none that the credentials may see. A renamed one is found by its old
   * name as well, and says so in `renamedFrom`.
   */
  repository(owner: string, name: string, options: CallOptions = {}): Promise<TargetRepository | undefined> {
    return readRepository(this.#rest, owner, name, options)
  }

  /**
   * Makes an empty repository in an organisation or for the token's own user. It is not repeated when the answer is
   * lost: look with `repository` whether it was made. Git may need a moment more, see {@link waitUntilReady}.
   *
   * @throws SaddleError `ALREADY_EXISTS`; `INVALID_INPUT` for a name that GitHub would change, or `internal` where there
   * is no enterprise; `FORBIDDEN` and `NOT_FOUND` where the credentials may not
   */
  async createRepository(repository: NewRepository, options: CallOptions = {}): Promise<TargetRepository> {
    const { owner, name } = repository
    checkRepositoryName(name)
    const account = await this.#account(owner, options)
    if (!account) throw this.#noSuchAccount(owner, { target: `${owner}/${name}`, option: 'owner' })
    if (account.kind === 'user') {
      const { login } = await this.viewer(options)
      if (login.toLowerCase() !== account.login.toLowerCase()) {
        throw new SaddleError('FORBIDDEN', `Repositories of the user ${account.login} can be created by ${account.login} only, and the credentials are those of ${login}.`, {
          context: { target: `${owner}/${name}` },
        })
      }
    }
    return createRepository(this.#rest, repository, account.kind, options)
  }

  /**
   * Changes what is given and returns the repository as it is then. Setting the same again does no harm.
   *
   * @throws SaddleError `FORBIDDEN` for an archived repository, unless it is unarchived by the same call
   */
  updateRepository(owner: string, name: string, update: RepositoryUpdate, options: CallOptions = {}): Promise<TargetRepository> {
    return updateRepository(this.#rest, owner, name, update, options)
  }

  /**
   * Deletes a repository whose description carries a marker; one that is gone already is no error.
   *
   * @throws SaddleError `FORBIDDEN` when the description does not contain the marker: then it is somebody's own
   */
  deleteRepository(owner: string, name: string, { marker }: { marker: string }, options: CallOptions = {}): Promise<void> {
    return deleteRepository(this.#rest, owner, name, marker, options)
  }

  /**
   * Waits until git sees a new repository: after the 201 of its creation, git answers 404 for a moment.
   *
   * @throws SaddleError `NOT_FOUND` when it has not appeared within half a minute
   */
  waitUntilReady(owner: string, name: string, options: CallOptions & Pick<ReadinessOptions, 'look'> = {}): Promise<void> {
    return waitForGit(this.gitRemote(owner, name), { ...options, sleep: this.#options.retry?.sleep })
  }

  /**
   * What the credentials can do with an owner, and with a repository when a name is given. What they cannot do is part
   * of the report; an error is thrown only when GitHub does not answer.
   */
  checkAccess(owner: string, name?: string, options: CallOptions = {}): Promise<AccessReport> {
    return readAccess(this.#rest, this.#credentials, owner, name, options)
  }

  /** What is left of the primary rate limit; undefined where the server has none. Asking costs nothing. */
  async rateLimit({ owner, signal }: CallOptions & { owner?: string } = {}): Promise<RateLimit | undefined> {
    try {
      return await this.#rest.get('GET /rate_limit', schema.rateLimits, { owner, signal })
    } catch (error) {
      // An Enterprise Server with rate limits off.
      if (SaddleError.from(error).code === 'NOT_FOUND') return undefined
      throw error
    }
  }

  /** The organisations of the token's user, or those that the App is installed on. */
  organizations(options: CallOptions = {}): AsyncIterable<Organization> {
    return listOrganizations(this.#rest, this.#credentials, options)
  }

  /** The repositories of an organisation that the credentials can see. */
  organizationRepositories(org: string, { signal }: CallOptions = {}): AsyncIterable<TargetRepository> {
    checkOwner(org, 'org')
    return this.#rest.list('GET /orgs/{org}/repos', schema.repository, { params: { org }, owner: org, signal })
  }

  /**
   * The repositories of an organisation, or of a user: all that the credentials can see, where the user is somebody else the
   * public ones. A hundred to a request.
   *
   * @throws SaddleError `NOT_FOUND` when there is no such account; `FORBIDDEN` where it may not be listed
   */
  async *repositories(owner: string, options: CallOptions = {}): AsyncGenerator<TargetRepository, void, undefined> {
    const account = await this.#account(owner, options)
    if (!account) throw this.#noSuchAccount(owner, { option: 'owner' })
    if (account.kind === 'organization') yield* this.organizationRepositories(owner, options)
    else yield* listUserRepositories(this.#rest, account, await this.viewer(options), options)
  }

  /** The teams of an organisation. */
  teams(org: string, { signal }: CallOptions = {}): AsyncIterable<Team> {
    checkOwner(org, 'org')
    return this.#rest.list('GET /orgs/{org}/teams', schema.team, { params: { org }, owner: org, signal })
  }

  /** The teams that have a permission on a repository, with that permission. */
  teamsOfRepository(owner: string, name: string, { signal }: CallOptions = {}): AsyncIterable<Team> {
    checkOwner(owner)
    checkRepositoryName(name)
    return this.#rest.list('GET /repos/{owner}/{repo}/teams', schema.team, { params: { owner, repo: name }, owner, signal })
  }

  /** Gives a team a permission on a repository, in place of the one it has. A custom role of the organisation goes by its name. */
  setTeamPermission({ permission, ...target }: TeamRepository & { permission: TeamPermission | (string & {}) }, options: CallOptions = {}): Promise<void> {
    return putTeam(this.#rest, target, permission, this.#organizationId, options)
  }

  /** Takes a repository away from a team; no error when the team did not have it. */
  removeTeam(target: TeamRepository, options: CallOptions = {}): Promise<void> {
    return deleteTeam(this.#rest, target, this.#organizationId, options)
  }

  /**
   * Where git reaches a repository. Every request takes a token that is valid at that moment, so that a long transfer
   * does not outlive the token it began with.
   */
  gitRemote(owner: string, name: string): GitRemote {
    checkOwner(owner)
    checkRepositoryName(name)
    const http = this.#gitClient(owner)
    return { url: http.resolve(`${owner}/${name}.git`).href, http }
  }

  /** Closes the connections; requests under way are finished first. */
  async close(): Promise<void> {
    await this.#http.close()
  }

  #gitClient(owner: string): HttpClient {
    const key = owner.toLowerCase()
    let http = this.#gitClients.get(key)
    if (!http) {
      const { auth: _auth, gitUrl: _gitUrl, ...options } = this.#options
      http = new HttpClient({
        ...options,
        baseUrl: this.webUrl,
        dispatcher: this.#http.dispatcher,
        budget: this.#gitBudget,
        redactor: this.redactor,
        authorize: async ({ signal }) => {
          const token = await this.#credentials.token({ owner, signal })
          return { authorization: `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}` }
        },
      })
      this.#forward(http)
      this.#gitClients.set(key, http)
    }
    return http
  }

  #forward(http: HttpClient): void {
    for (const name of ['request', 'retry', 'throttle'] as const) http.on(name, (event) => this.emit(name, event))
  }

  /** An account, remembered: its kind and id do not change. */
  async #account(login: string, options: CallOptions): Promise<Account | undefined> {
    const known = this.#accounts.get(login.toLowerCase())
    if (known) return known
    const account = await readAccount(this.#rest, login, options)
    if (account) this.#accounts.set(login.toLowerCase(), account)
    return account
  }

  #noSuchAccount(owner: string, context: ErrorContext): SaddleError {
    return new SaddleError('NOT_FOUND', `There is no user or organisation ${owner} at ${this.webUrl.host}. Check the spelling.`, { context })
  }

  readonly #organizationId = async (org: string, options: CallOptions): Promise<number> => {
    const account = await this.#account(org, options)
    if (account?.kind === 'organization') return account.id
    throw new SaddleError('NOT_FOUND', `There is no organisation ${org} at ${this.webUrl.host}.`, { context: { option: 'org' } })
  }
}
