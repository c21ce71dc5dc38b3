import type { Readable } from 'node:stream'
import { Request, Response, type Dispatcher, type RequestInit } from 'undici'
import { hasControls, isInsecure, parseBaseUrl } from './address.ts'
import { readBytes } from './body.ts'
import { HostBudget, type Budget } from './budget.ts'
import { connectionDefaults, createDispatcher, learnProxyPassword, type ConnectionOptions } from './dispatcher.ts'
import { SafeEmitter } from './emitter.ts'
import { SaddleError, type ErrorContext } from './error.ts'
import { exchange, isEmpty, withoutEncoding } from './exchange.ts'
import { connectionFailure } from './failure.ts'
import type { AnswerHead, Headers, HttpAnswer, HttpClientOptions, HttpEvents, HttpRequest } from './http-types.ts'
import { Redactor } from './redact.ts'
import { isRedirect, redirected, redirectTarget } from './redirect.ts'
import { parseRetryAfter } from './retry-after.ts'
import { retry, retryDefaults } from './retry.ts'
import { readFailure } from './status-error.ts'
import { HttpTelemetry } from './telemetry.ts'

const idempotentMethods = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])
/** Larger than any page a known server sends; a body beyond it is an attack or a fault. */
const textLimit = 32 * 1024 * 1024
const mostRedirects = 3

/**
 * How one client speaks to one origin: connection pool, authorisation, retries, budget, redaction and events in one
 * place. REST clients, the git relay and the LFS transfer all go through it.
 */
export class HttpClient extends SafeEmitter<HttpEvents> {
  readonly baseUrl: URL
  readonly dispatcher: Dispatcher
  readonly redactor: Redactor
  readonly budget: Budget
  /** Whether credentials travel in clear: plain `http` to another machine than this one. */
  readonly insecure: boolean
  readonly #options: HttpClientOptions
  readonly #origin: string
  readonly #totalMs: number
  readonly #telemetry = new HttpTelemetry()
  #closed: Promise<void> | undefined

  constructor(options: HttpClientOptions) {
    super()
    this.#options = options
    this.baseUrl = parseBaseUrl(options.baseUrl, options.allowedHosts)
    this.#origin = this.baseUrl.origin
    this.insecure = isInsecure(this.baseUrl)
    this.redactor = options.redactor ?? new Redactor()
    learnProxyPassword(options.proxy, this.redactor)
    this.dispatcher = options.dispatcher ?? createDispatcher(options)
    this.budget = options.budget ?? new HostBudget({ concurrency: 32 })
    this.#totalMs = options.timeouts?.total ?? connectionDefaults.timeouts.total
  }

  /**
   * The absolute URL of a path below the base URL, or of an absolute URL of the same origin.
   *
   * @throws SaddleError `ADDRESS_NOT_ALLOWED` for any other origin and for an address with credentials in it
   */
  resolve(path: string | URL): URL {
    const url = this.#parse(path)
    if (url?.origin === this.#origin && !url.username && !url.password) return url
    throw new SaddleError(
      'ADDRESS_NOT_ALLOWED',
      `An address ${url ? `on ${url.protocol}//${url.host}` : 'that is none'} was given where only ${this.#origin} is spoken to; nothing was sent to it.`,
      { context: url ? { host: url.host } : {}, redactor: this.redactor },
    )
  }

  #parse(path: string | URL): URL | undefined {
    const text = String(path)
    if (hasControls(text)) return undefined
    const absolute = /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `${this.baseUrl.href.replace(/\/$/, '')}/${text.replace(/^\//, '')}`
    return URL.canParse(absolute) ? new URL(absolute) : undefined
  }

  /**
   * Sends a request and waits for the headers of the answer.
   *
   * The body of the answer is the caller's: what is not begun to be read within `idleBodyTimeout` is cut off, since it
   * holds a connection and a place in the budget.
   *
   * @param path - relative to the base URL, or absolute within its origin
   * @throws SaddleError for an answer of status 400 or above and for everything that prevents an answer
   */
  async request(path: string | URL, request: HttpRequest = {}): Promise<HttpAnswer> {
    return this.#retrying(path, request, (url, attempt) => this.#attempt(url, request, attempt))
  }

  /**
   * Sends a request and reads the answer as text; at most 32 MiB, within `timeouts.total`. Tried again when the answer
   * breaks off.
   */
  async text(path: string | URL, request: HttpRequest = {}): Promise<{ status: number; headers: Headers; text: string }> {
    const { status, headers, bytes } = await this.#retrying(path, request, (url, attempt) => this.#whole(url, request, attempt))
    return { status, headers, text: bytes.toString('utf8') }
  }

  /** Like {@link text}, read as JSON; undefined when it is empty. An answer that is not JSON is `PROTOCOL_ERROR`. */
  async json(path: string | URL, request: HttpRequest = {}): Promise<{ status: number; headers: Headers; data: unknown }> {
    const { status, headers, text } = await this.text(path, {
      ...request,
      headers: { accept: 'application/json', ...request.headers },
    })
    if (!text) return { status, headers, data: undefined }
    try {
      return { status, headers, data: JSON.parse(text) as unknown }
    } catch (cause) {
      const { host, pathname } = this.resolve(path)
      throw new SaddleError(
        'PROTOCOL_ERROR',
        `${host} answered ${pathname} with something that is not JSON. Check that the address is the server's base URL and not a login page or proxy.`,
        { cause, context: { host, path: pathname, status }, redactor: this.redactor },
      )
    }
  }

  /**
   * A `fetch` over this client's connections and budget, for libraries that bring their own retries and authorisation:
   * neither is added. Other origins are refused, redirects are handed back, and the answer is read as a whole (at most
   * 32 MiB, within `timeouts.total`) before it is returned. `attempt` is the number of the try, for the events.
   */
  readonly fetch = async (input: string | URL, init: RequestInit & Pick<HttpRequest, 'cost' | 'about'> & { attempt?: number } = {}): Promise<Response> => {
    const url = this.resolve(input)
    // The signal is not for `Request`: it would add listeners for each request, and knows no limit of 0 for them.
    const { cost, about, attempt = 1, signal, ...rest } = init
    const { method, headers, body } = new Request(url, { ...rest, ...(rest.body ? { duplex: 'half' } : {}) })
    const request: HttpRequest = {
      method: method as NonNullable<HttpRequest['method']>,
      headers: Object.fromEntries(headers),
      signal: signal ?? undefined,
      ...(body ? { body: await readBytes(body as unknown as Readable, Infinity) } : {}),
      ...(cost ? { cost } : {}),
      about,
    }
    const answer = await this.#whole(url, request, attempt, true)
    // These statuses have no body by definition, and `Response` takes none.
    const empty = [204, 205, 304].includes(answer.status)
    const response = new Response(empty ? null : answer.bytes, { status: answer.status, headers: withoutEncoding(answer.headers) })
    return Object.defineProperty(response, 'url', { value: url.href })
  }

  /** The hosts that the operator allows; undefined for any. Other clients that follow what this server says keep to them. */
  get allowedHosts(): readonly string[] | undefined {
    return this.#options.allowedHosts
  }

  /** How the server is reached; for programs that connect by themselves. */
  get connection(): Pick<ConnectionOptions, 'ca' | 'proxy' | 'noProxy'> {
    const { ca, proxy, noProxy } = this.#options
    return { ca, proxy, noProxy }
  }

  /** The headers that would authorise a request now; for programs that send requests of their own. */
  async authorization(signal?: AbortSignal): Promise<Headers> {
    return (await this.#options.authorize?.({ signal })) ?? {}
  }

  /**
   * Waits for room in the budget, and takes it; the function that is returned gives back the place. For programs that send
   * requests of their own.
   */
  enter(url: URL, { cost = {}, about, signal }: Pick<HttpRequest, 'cost' | 'about' | 'signal'>): Promise<() => void> {
    return this.budget.acquire(cost, { signal, onWait: (wait) => this.emit('throttle', { ...this.#place(url), about, ...wait }) })
  }

  /** Takes note of what an answer shows of the server's bucket; also of one that a program got which sends requests of its own. */
  learn(answer: AnswerHead): void {
    const limit = this.#options.limitOf?.(answer)
    if (limit) this.budget.learn?.(limit)
  }

  /** Closes idle connections; requests under way are finished first. */
  close(): Promise<void> {
    if (this.#options.dispatcher) return Promise.resolve()
    return (this.#closed ??= this.dispatcher.close())
  }

  #retrying<T>(path: string | URL, request: HttpRequest, operation: (url: URL, attempt: number) => Promise<T>): Promise<T> {
    const url = this.resolve(path)
    const { body, method = 'GET', signal } = request
    const repeatable = body === undefined || typeof body === 'string' || body instanceof Uint8Array
    const idempotent = repeatable && (request.idempotent ?? idempotentMethods.has(method))
    return retry((attempt) => operation(url, attempt), {
      ...this.#options.retry,
      ...(idempotent ? {} : { attempts: 1 }),
      signal,
      onRetry: ({ attempt, waitMs, error }) => {
        this.emit('retry', { method, ...this.#place(url), about: request.about, attempt, waitMs, code: error.code, message: error.message })
      },
    })
  }

  /** One try whose answer is read to its end, within the time for it. */
  async #whole(url: URL, request: HttpRequest, attempt: number, raw = false): Promise<{ status: number; headers: Headers; bytes: Buffer }> {
    const bound = new AbortController()
    const { signal } = request
    const abort = () => bound.abort(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    let timer: NodeJS.Timeout | undefined
    const start = () => {
      if (this.#totalMs > 0) timer = setTimeout(() => bound.abort(this.#tookTooLong(url)), this.#totalMs)
    }
    try {
      const answer = await this.#attempt(url, { ...request, signal: bound.signal }, attempt, { raw, start })
      try {
        return { status: answer.status, headers: answer.headers, bytes: await readBytes(answer.body, textLimit) }
      } catch (error) {
        throw connectionFailure(error, { ...this.#place(url), attempts: attempt }, this.redactor, bound.signal)
      }
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Not passing, unlike other timeouts: a server that trickles does so again. */
  #tookTooLong(url: URL): SaddleError {
    const message = `${url.host} did not finish its answer within ${this.#totalMs / 1000} s.`
    return new SaddleError('TIMEOUT', message, { retryable: false, context: this.#place(url), redactor: this.redactor })
  }

  /** @param options - `raw`: no authorisation, and no error for any status; `start`: called when the budget has room */
  async #attempt(url: URL, request: HttpRequest, attempt: number, options: { raw?: boolean; start?: () => void } = {}): Promise<HttpAnswer> {
    const { signal, method = 'GET' } = request
    const place = this.#place(url)
    const context: ErrorContext = { method, ...place, attempts: attempt }
    const release = await this.enter(url, request)
    options.start?.()
    const started = performance.now()
    const end = this.#telemetry.begin({ method, url, path: place.path, attempt })
    let [status, failure]: [number, string?] = [0]
    try {
      let answer = await this.#send(url, request, options.raw)
      for (let hops = 0; !options.raw && isRedirect(answer); hops++) {
        status = answer.status
        answer.body.destroy()
        const target = redirectTarget(answer, url)
        const reads = method === 'GET' || method === 'HEAD'
        if (target?.origin !== this.#origin || !request.followRedirects || !reads || hops >= mostRedirects) {
          throw redirected(url, target, { ...context, status }, this.redactor)
        }
        answer = await this.#send(target, request)
      }
      status = answer.status
      this.#obey(answer, started)
      if (status >= 400 && !options.raw) throw await readFailure(answer, { errorOf: request.errorOf, context, redactor: this.redactor })
      this.#keep(answer, request, release)
      return answer
    } catch (error) {
      release()
      const reason = connectionFailure(error, context, this.redactor, signal)
      failure = reason.code
      throw reason
    } finally {
      end(status, failure)
      const durationMs = performance.now() - started
      this.emit('request', { method, ...place, status, durationMs, attempt })
    }
  }

  /** Ends the request's share of the budget with its body, and the body with the patience for it. */
  #keep({ body, status, headers }: HttpAnswer, request: HttpRequest, release: () => void): void {
    // An empty body that nobody reads never ends.
    if (isEmpty(request.method, status, headers)) body.resume()
    const patience = request.idleBodyTimeout ?? this.#options.timeouts?.idleBody ?? connectionDefaults.timeouts.idleBody
    const timer = patience > 0 && setTimeout(() => body.readableDidRead || body.destroy(), patience).unref()
    body.once('close', () => {
      if (timer) clearTimeout(timer)
      release()
    })
  }

  async #send(url: URL, request: HttpRequest, raw = false): Promise<HttpAnswer> {
    const authorization = raw ? {} : await this.authorization(request.signal)
    return exchange(this.dispatcher, url, request, {
      'user-agent': this.#options.userAgent ?? 'saddle',
      'accept-encoding': 'gzip',
      ...authorization,
      ...request.headers,
    })
  }

  /**
   * Keeps to the limit that a server tells of, and holds back everybody who shares the budget when it asks for that; not for
   * longer than a retry would wait.
   */
  #obey({ status, headers }: HttpAnswer, sentAt: number): void {
    this.learn({ status, headers, sentAt })
    const wait = parseRetryAfter(headers['retry-after'])
    if (wait === undefined || (status !== 429 && status !== 403)) return
    if (wait <= (this.#options.retry?.maxRetryAfter ?? retryDefaults.maxRetryAfter)) this.budget.pause(wait)
  }

  #place(url: URL): { host: string; path: string } {
    return { host: url.host, path: this.redactor.redact(url.pathname) }
  }
}
