import { randomUUID } from 'node:crypto'
import { Octokit } from '@octokit/rest'
import { retry as retrying } from '@octokit/plugin-retry'
import { throttling, type ThrottlingOptions } from '@octokit/plugin-throttling'
import {
  connectionFailure, retryDefaults, SaddleError, throwIfAborted,
  type ErrorContext, type HttpClient, type HttpEvents, type RetryOptions,
} from '@saddle/transport'
import type { z } from 'zod'
import { untilAborted } from './abort.ts'
import type { Scope } from './credentials.ts'
import { githubFailure } from './failure.ts'
import { parse } from './schema.ts'

/** What the transport's `fetch` answers. Named by it, since an application that has the DOM's types gives `Response` another meaning. */
type Response = Awaited<ReturnType<HttpClient['fetch']>>

/** Makes the value of the `authorization` header for a request that concerns an owner. */
export type Authorize = (scope: Scope) => Promise<string>

/** What a {@link Rest} is made of. */
export interface RestOptions {
  /** Its budget bounds the requests. */
  http: HttpClient
  retry?: RetryOptions | undefined
  authorize: Authorize
  /** Told when GitHub does not accept what `authorize` made; true when that will now make something else. */
  onUnauthorized?: ((scope: Scope) => boolean) | undefined
  userAgent?: string | undefined
  /** Told when a call is about to be tried again. */
  onRetry: (event: HttpEvents['retry']) => void
}

/** One call of the API. */
export interface RestCall {
  /** Values of the route's `{placeholders}`; the others become the query or the body. */
  params?: Record<string, unknown>
  /** The account whose installation of an App authorises the call. */
  owner?: string | undefined
  /** Whether repeating it is harmless; by default for everything but POST. */
  idempotent?: boolean
  /** The repository (`owner/name`), where the route does not name it: for the events. */
  about?: string | undefined
  signal?: AbortSignal | undefined
}

/** An answer with status 200 to 299. */
export interface RestAnswer {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  data: unknown
  /** Path of the request, without its query. */
  path: string
  /** Whether GitHub redirected, as it does for a renamed repository. */
  redirected: boolean
}

/** A call under way, over all its tries. */
interface Attempts {
  readonly call: RestCall
  readonly method: string
  count: number
  refusals: number
  failure: SaddleError | undefined
  path: string
  redirected: boolean
}

const maxRedirects = 3

/**
 * Octokit over the transport's connections. Its plugins decide that a request is repeated (throttling: rate limits,
 * retry: everything else that passes), and the transport's budget and back-off decide when, because those waits end at
 * an abort and are shared with other clients. `docs/decisions/007-octokit-plugins.md` has the reasons.
 */
export class Rest {
  readonly #options: RestOptions
  readonly #retry: Required<RetryOptions>
  readonly #octokit: Octokit

  constructor(options: RestOptions) {
    this.#options = options
    this.#retry = { ...retryDefaults, ...options.retry }
    const Client = Octokit.plugin(finalFailuresEnd, throttling, retrying)
    const again = (_wait: number, { request }: { request?: object }) => this.#again((request as { attempts: Attempts }).attempts)
    this.#octokit = new Client({
      baseUrl: options.http.baseUrl.href.replace(/\/$/, ''),
      userAgent: options.userAgent ?? 'saddle',
      log: { debug() {}, info() {}, warn() {}, error() {} },
      // A wait of 0 on both: the budget and #backOff do the waiting.
      retry: { doNotRetry: [], retryAfterBaseValue: 0 },
      throttle: {
        // The plugin keeps its queues in module state, by this id.
        id: randomUUID(),
        retryAfterBaseValue: 0,
        onRateLimit: again,
        onSecondaryRateLimit: again,
        // The budget counts writes by points, as GitHub does; the plugin would let one pass a second.
        write: unqueued,
        notifications: unqueued,
      },
    })
  }

  /** Calls the API and returns the answer. */
  async call(route: string, call: RestCall = {}): Promise<RestAnswer> {
    throwIfAborted(call.signal)
    const attempts: Attempts = {
      call, method: route.slice(0, route.indexOf(' ')), count: 0, refusals: 0, failure: undefined, path: '', redirected: false,
    }
    try {
      const answer = await untilAborted(
        this.#octokit.request(route, {
          ...call.params,
          request: {
            attempts,
            again: () => this.#again(attempts),
            fetch: (url: string, init: RequestInit) => this.#attempt(attempts, url, init),
          },
        }),
        call.signal,
      )
      const { path, redirected } = attempts
      return { status: answer.status, headers: answer.headers as Record<string, string>, data: answer.data as unknown, path, redirected }
    } catch (error) {
      if (SaddleError.is(error)) throw error
      throw attempts.failure ?? SaddleError.from(error, 'INTERNAL', { redactor: this.#options.http.redactor })
    }
  }

  /** Calls the API and reads the answer by a schema. */
  async get<Schema extends z.ZodType>(route: string, schema: Schema, call: RestCall = {}): Promise<z.output<Schema>> {
    return this.parse(schema, await this.call(route, call))
  }

  /** Reads an answer by a schema. */
  parse<Schema extends z.ZodType>(schema: Schema, { data, path }: Pick<RestAnswer, 'data' | 'path'>): z.output<Schema> {
    const { baseUrl, redactor } = this.#options.http
    return parse(schema, data, { host: baseUrl.host, path, redactor })
  }

  /** The items of a list, page by page as `Link` says; a chain that comes back to a page it had is `PROTOCOL_ERROR`. */
  async *list<Schema extends z.ZodType>(route: string, schema: Schema, call: RestCall = {}): AsyncGenerator<z.output<Schema>, void, undefined> {
    const pages = new Set<string>()
    let next: string | undefined = route
    let page: RestCall = { ...call, params: { per_page: 100, ...call.params } }
    while (next !== undefined) {
      const answer: RestAnswer = await this.call(next, page)
      for (const item of this.parse(schema.array(), answer)) yield item
      const link = nextPage(answer.headers['link'])
      if (link === undefined) return
      if (pages.has(link)) {
        const { host } = this.#options.http.baseUrl
        throw new SaddleError('PROTOCOL_ERROR', `${host} leads in a circle through the pages of ${answer.path}; reading stopped.`, {
          context: { host, path: answer.path },
        })
      }
      pages.add(link)
      next = `GET ${link}`
      page = { owner: call.owner, signal: call.signal }
    }
  }

  /** One try: waits for its turn, sends, and notes a failure. */
  async #attempt(attempts: Attempts, url: string, init: RequestInit): Promise<Response> {
    const { http, onUnauthorized } = this.#options
    const { call, method } = attempts
    const { host, pathname: path } = new URL(url)
    attempts.path = path
    const context: ErrorContext = { method, host, path, attempts: ++attempts.count }
    try {
      await this.#backOff(attempts, host)
      let response = await this.#send(attempts, url, init)
      if (response.status === 401 && onUnauthorized?.(call)) response = await this.#send(attempts, url, init)
      if (response.status >= 300) await this.#note(attempts, response.clone(), { ...context, status: response.status })
      return response
    } catch (error) {
      attempts.failure = connectionFailure(error, context, http.redactor)
      throw attempts.failure
    }
  }

  /** Sends a request; a read is followed when it is redirected within the server, a write never. */
  async #send(attempts: Attempts, address: string, { headers, body }: RequestInit): Promise<Response> {
    const { http, authorize } = this.#options
    const { call, method, count } = attempts
    const authorization = await authorize(call)
    let url = http.resolve(address)
    for (let hops = 0; ; hops++) {
      const response = await http.fetch(url, {
        method,
        headers: { ...(headers as Record<string, string>), ...apiHeaders, authorization },
        body: (body as string | undefined) ?? null,
        signal: call.signal ?? null,
        cost: costOf(method),
        about: call.about,
        attempt: count,
      })
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || location === null) return response
      const target = new URL(location, url)
      if (method !== 'GET' || hops >= maxRedirects || target.origin !== url.origin) throw redirected(method, url, target, http)
      attempts.redirected = true
      url = target
    }
  }

  async #note(attempts: Attempts, answer: Response, context: ErrorContext): Promise<void> {
    const { http: { redactor, budget } } = this.#options
    const { status } = answer
    if (status < 400) {
      throw new SaddleError('PROTOCOL_ERROR', `${context.host ?? ''} answered ${context.path ?? ''} with status ${status}, which says nothing here.`, { context, redactor })
    }
    const text = redactor.redact(await answer.text())
    const failure = githubFailure({ status, headers: Object.fromEntries(answer.headers), text, context, redactor }, attempts.refusals)
    if (failure.code === 'RATE_LIMITED') {
      attempts.refusals++
      const waitMs = (failure.context.retryAfter ?? 0) * 1000
      // A longer wait is not waited for, so nobody else should be held up by it unasked.
      if (waitMs <= this.#retry.maxRetryAfter) budget.pause(waitMs)
    }
    attempts.failure = failure
  }

  /** Whether a failed call is tried again. A refused request changed nothing, so even a POST is repeated then. */
  #again({ call, method, count, failure }: Attempts): boolean {
    if (!failure?.retryable || count >= this.#retry.attempts || call.signal?.aborted) return false
    if (failure.code === 'RATE_LIMITED') return (failure.context.retryAfter ?? 0) * 1000 <= this.#retry.maxRetryAfter
    return call.idempotent ?? method !== 'POST'
  }

  /** Before another try: a wait with full jitter, or none of its own where the budget makes everybody wait. */
  async #backOff({ call, method, path, count, failure }: Attempts, host: string): Promise<void> {
    if (!failure) return
    const { random, maxDelay, baseDelay, sleep } = this.#retry
    const told = failure.code === 'RATE_LIMITED'
    const waitMs = told
      ? (failure.context.retryAfter ?? 0) * 1000
      : Math.round(random() * Math.min(maxDelay, baseDelay * 2 ** (count - 2)))
    this.#options.onRetry({ method, host, path, about: call.about, attempt: count - 1, waitMs, code: failure.code, message: failure.message })
    if (!told) await sleep(waitMs, call.signal)
  }
}

/** The first plugin sees a failure first, and tells the retry plugin whether to go on. */
function finalFailuresEnd({ hook }: Pick<Octokit, 'hook'>): object {
  hook.error('request', (error, options) => {
    const { again, attempts } = options.request as unknown as { again: () => boolean; attempts: Attempts }
    options.request.retries = again() ? attempts.count : 0
    throw error
  })
  return {}
}

/** A queue of the throttling plugin that lets everything pass. */
const unqueued = {
  key: () => ({ schedule: async (_job: object, task: () => Promise<void>) => task() }),
} as unknown as NonNullable<ThrottlingOptions['write']>

const apiHeaders = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' }

const costOf = (method: string) => ({ points: method === 'GET' || method === 'HEAD' ? 1 : 5, creates: method === 'POST' })

/** The address of the next page in a `Link` header (RFC 8288). */
function nextPage(link: string | undefined): string | undefined {
  for (const [, address, parameters] of (link ?? '').matchAll(/<([^>]*)>([^<]*)/g)) {
    if (/;\s*rel="?next"?(?:[;,\s]|$)/.test(parameters ?? '')) return address
  }
  return undefined
}

function redirected(method: string, from: URL, to: URL, { redactor }: HttpClient): SaddleError {
  const why = from.pathname.includes('/repos/') ? ' The repository may have been renamed or moved: use its present name.' : ''
  return new SaddleError(
    'REDIRECTED',
    `${from.host} redirects ${method} ${from.pathname} to ${to.origin}${to.pathname}; it was not followed.${why}`,
    { context: { method, host: from.host, path: from.pathname }, redactor },
  )
}
