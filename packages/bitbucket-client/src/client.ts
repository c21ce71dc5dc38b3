import {
  HttpClient, SafeEmitter, SaddleError,
  type Budget, type CallOptions, type ClientOptions, type GitRemote, type HttpEvents, type Redactor,
} from '@saddle/transport'
import type { z } from 'zod'
import { credentialsOf, type Credentials } from './auth.ts'
import { checkedBaseUrl } from './base-url.ts'
import { exceptionOf, missingPart, requestOptions } from './failure.ts'
import { ServerLimit } from './limits.ts'
import { paged } from './pages.ts'
import { parse } from './parse.ts'
import { projectPath, repositoryPath, segment } from './path.ts'
import { gitRemoteOf } from './remote.ts'
import * as schema from './schema.ts'
import { SizeReader } from './sizes.ts'
import type {
  ApplicationProperties, BitbucketAuth, Branch, LastCommit, Project, Repository, RepositorySize, Tag,
} from './types.ts'

/** Options of {@link BitbucketClient}. */
export interface BitbucketClientOptions extends ClientOptions {
  /** Address of the server, with its context path if it has one: `https://host` or `https://host/bitbucket`. */
  baseUrl: string | URL
  auth: BitbucketAuth
  /**
   * Shared with everything else that talks to this server as the same user. The server's rate limit, a bucket of tokens for
   * REST and git alike, is off unless an administrator turns it on. It is kept to once an answer tells of it; of a server that
   * tells nothing, the vendor's preset is assumed once it has refused a request. Where the limit is known, say it beforehand:
   * `new HostBudget({ concurrency: 32, points: { amount: 60, intervalMs: 12_000 } })` is 60 tokens, refilled at 5 a second.
   */
  budget?: Budget | undefined
  /**
   * The only servers (`host` or `host:port`) that an operator allows, also as the host of clone links when the server
   * knows itself by another name. Left out, the base URL's host is the only one.
   */
  allowedHosts?: readonly string[] | undefined
}

/** Narrows {@link BitbucketClient.allRepositories}. */
export interface RepositoryFilter extends CallOptions {
  /** Default `ALL`; servers before 8.0 know no archived repositories and ignore it. */
  archived?: 'ACTIVE' | 'ARCHIVED' | 'ALL'
}

/**
 * The source: a Bitbucket Data Center server through its REST API. It only reads.
 *
 * Every method throws {@link SaddleError}: `AUTHENTICATION_FAILED`, `CAPTCHA_REQUIRED`, `FORBIDDEN` (which these servers
 * answer with 401), `NOT_FOUND`, `RATE_LIMITED`, `UPSTREAM_ERROR`, `PROTOCOL_ERROR` for an answer that cannot be right,
 * `NETWORK`, `TIMEOUT`, `TLS`, `REDIRECTED`, `ABORTED`. Lists are lazy: a page is fetched when it is needed.
 *
 * @example
 * ```ts
 * import { BitbucketClient } from '@saddle/bitbucket-client'
 *
 * const bitbucket = new BitbucketClient({ baseUrl: 'https://bitbucket.example.com', auth: { token: bitbucketToken } })
 * for await (const { slug, archived } of bitbucket.repositories('PRJ')) console.log(slug, archived)
 * ```
 */
export class BitbucketClient extends SafeEmitter<HttpEvents> {
  /** The server's address, without a slash at its end unless it is the root. */
  readonly baseUrl: URL
  readonly redactor: Redactor
  /** Whether credentials travel in clear: plain `http` to another machine than this. Worth a warning. */
  readonly insecure: boolean
  readonly #http: HttpClient
  readonly #credentials: Credentials
  readonly #sizes: SizeReader
  readonly #allowedHosts: readonly string[]

  constructor(options: BitbucketClientOptions) {
    super()
    const { auth, baseUrl, allowedHosts, ...http } = options
    const address = checkedBaseUrl(baseUrl)
    this.#http = new HttpClient({
      ...http,
      baseUrl: address,
      allowedHosts,
      authorize: () => this.#credentials.headers,
      limitOf: new ServerLimit().of,
    })
    this.baseUrl = this.#http.baseUrl
    this.redactor = this.#http.redactor
    this.insecure = this.#http.insecure
    this.#allowedHosts = (allowedHosts ?? []).map((host) => host.toLowerCase())
    this.#credentials = credentialsOf(auth, this.redactor)
    this.#sizes = new SizeReader(this.#http, this.#credentials.isToken)
    for (const name of ['request', 'retry', 'throttle'] as const) this.#http.on(name, (event) => this.emit(name, event))
  }

  /** The server's version. Servers answer this to anybody, so it says nothing about the credentials. */
  applicationProperties(options: CallOptions = {}): Promise<ApplicationProperties> {
    return this.#get('rest/api/latest/application-properties', schema.applicationProperties, options)
  }

  /**
   * The name of the user that the credentials belong to; undefined when the server accepts them and does not say.
   *
   * @throws SaddleError `AUTHENTICATION_FAILED` when the server refuses the credentials
   */
  async whoAmI({ signal }: CallOptions = {}): Promise<string | undefined> {
    const { headers } = await this.#http.json('rest/api/latest/projects?limit=1', requestOptions(signal))
    return decodedName(headers['x-ausername'])
  }

  /** The projects that the credentials can see. Personal projects are not among them; see {@link allRepositories}. */
  projects({ signal }: CallOptions = {}): AsyncIterable<Project> {
    return paged(this.#http, 'rest/api/latest/projects', schema.project, { signal })
  }

  /** One project by its key, in any case; `~user` for a personal project. */
  project(projectKey: string, options: CallOptions = {}): Promise<Project> {
    return this.#get(projectPath(projectKey), schema.project, options)
  }

  /** The repositories of one project. */
  repositories(projectKey: string, { signal }: CallOptions = {}): AsyncIterable<Repository> {
    return paged(this.#http, `${projectPath(projectKey)}/repos`, schema.repository, { signal })
  }

  /** All repositories that the credentials can see, those of personal projects and archived ones included. */
  allRepositories({ archived = 'ALL', signal }: RepositoryFilter = {}): AsyncIterable<Repository> {
    return paged(this.#http, 'rest/api/latest/repos', schema.repository, { query: { archived }, signal })
  }

  /** One repository by project key and slug. */
  repository(projectKey: string, slug: string, options: CallOptions = {}): Promise<Repository> {
    return this.#get(repositoryPath(projectKey, slug), schema.repository, options)
  }

  /**
   * Full name of the default branch, `refs/heads/…`; undefined when there is none. An empty repository can name a branch
   * that does not exist (yet): compare with the refs before relying on it.
   */
  async defaultBranch(projectKey: string, slug: string, options: CallOptions = {}): Promise<string | undefined> {
    const path = repositoryPath(projectKey, slug)
    const read = (last: string) => this.#get(`${path}/${last}`, schema.minimalRef.optional(), options)
    try {
      return (await read('default-branch'))?.id
    } catch (error) {
      if (missingPart(error) !== 'resource') return noneIf(error)
    }
    // Servers before 7.5 have the older resource only; it answers 204 where there is none.
    try {
      return (await read('branches/default'))?.id
    } catch (error) {
      return noneIf(error)
    }
  }

  /** The branches. */
  branches(projectKey: string, slug: string, { signal }: CallOptions = {}): AsyncIterable<Branch> {
    return paged(this.#http, `${repositoryPath(projectKey, slug)}/branches`, schema.branch, { signal })
  }

  /** The tags. */
  tags(projectKey: string, slug: string, { signal }: CallOptions = {}): AsyncIterable<Tag> {
    return paged(this.#http, `${repositoryPath(projectKey, slug)}/tags`, schema.tag, { signal })
  }

  /** How many branches there are; one request for each 1000, since the server keeps no count. */
  branchCount(projectKey: string, slug: string, options: CallOptions = {}): Promise<number> {
    return count(this.branches(projectKey, slug, options))
  }

  /** How many tags there are; one request for each 1000. */
  tagCount(projectKey: string, slug: string, options: CallOptions = {}): Promise<number> {
    return count(this.tags(projectKey, slug, options))
  }

  /** How many pull requests there ever were: the number of the newest one, in one request. */
  async pullRequestCount(projectKey: string, slug: string, options: CallOptions = {}): Promise<number> {
    const path = `${repositoryPath(projectKey, slug)}/pull-requests?state=ALL&order=NEWEST&limit=1`
    return (await this.#get(path, schema.pullRequests, options)).values[0]?.id ?? 0
  }

  /** The newest commit of the default branch; undefined for an empty repository. */
  async lastCommit(projectKey: string, slug: string, { signal }: CallOptions = {}): Promise<LastCommit | undefined> {
    try {
      for await (const commit of paged(this.#http, `${repositoryPath(projectKey, slug)}/commits`, schema.commit, { limit: 1, signal })) {
        return commit
      }
      return undefined
    } catch (error) {
      return noneIf(error)
    }
  }

  /**
   * Disk space of a repository. Undefined when it cannot be known, which is usual: the resource lies outside the REST
   * API, where tokens are not accepted (and where trying one repeatedly leads to a CAPTCHA), so it is asked with a user's
   * password only, and not again once the server has refused that.
   */
  async size(projectKey: string, slug: string, options: CallOptions = {}): Promise<RepositorySize | undefined> {
    return this.#sizes.read(`projects/${segment(projectKey, 'projectKey')}/repos/${segment(slug, 'slug')}/sizes`, options)
  }

  /** The labels, which GitHub calls topics. Servers that know no labels have none. */
  async labels(projectKey: string, slug: string, { signal }: CallOptions = {}): Promise<string[]> {
    const names: string[] = []
    try {
      for await (const { name } of paged(this.#http, `${repositoryPath(projectKey, slug)}/labels`, schema.label, { signal })) {
        names.push(name)
      }
    } catch (error) {
      if (missingPart(error) !== 'resource') throw error
    }
    return names
  }

  /** Whether Git LFS is switched on; undefined when these credentials may not know (tokens never may). */
  async lfsEnabled(projectKey: string, slug: string, { signal }: CallOptions = {}): Promise<boolean | undefined> {
    if (this.#credentials.isToken) return undefined
    const path = `rest/git-lfs/admin/${repositoryPath(projectKey, slug).replace('rest/api/latest/', '')}/enabled`
    try {
      await this.#http.text(path, requestOptions(signal))
      return true
    } catch (error) {
      // Servers differ in whether they say with a 404 that it is switched off, or that they have no such feature.
      const missing = missingPart(error)
      if (missing === 'resource' || missing === 'content') return false
      const { code } = SaddleError.from(error)
      if (code === 'FORBIDDEN') return undefined
      throw error
    }
  }

  /**
   * How git reaches a repository: an address below the base URL without a user name, and a client that authorises.
   *
   * @throws SaddleError `ADDRESS_NOT_ALLOWED` when the server's clone link leads to a host that is not allowed
   */
  gitRemote(repository: Pick<Repository, 'projectKey' | 'slug' | 'cloneUrl'>): GitRemote {
    return gitRemoteOf(repository, this.#http, this.#allowedHosts)
  }

  /** Closes idle connections; requests under way are finished first. */
  close(): Promise<void> {
    return this.#http.close()
  }

  async #get<Schema extends z.ZodType>(path: string, shape: Schema, { signal }: CallOptions): Promise<z.output<Schema>> {
    const { data } = await this.#http.json(path, requestOptions(signal))
    return parse(shape, data, this.#http, path)
  }
}

/** Undefined when the failure says that the repository is empty; any other is thrown on. */
function noneIf(error: unknown): undefined {
  const exception = exceptionOf(error)
  if (missingPart(error) === 'content' || exception === 'EmptyRepositoryException') return undefined
  throw error
}

async function count(list: AsyncIterable<unknown>): Promise<number> {
  let items = 0
  for await (const _ of list) items++
  return items
}

/** Names outside ASCII come percent-encoded; a name with a stray `%` is taken as it is. */
function decodedName(header: string | undefined): string | undefined {
  if (!header) return undefined
  try {
    return decodeURIComponent(header)
  } catch {
    return header
  }
}
