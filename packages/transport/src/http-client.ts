import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream'
import { fetch as undiciFetch, type Dispatcher, type RequestInit, type Response } from 'undici'
import { HostBudget, type Budget, type BudgetCost, type BudgetWait } from './budget.ts'
import { createDispatcher, type ConnectionOptions } from './dispatcher.ts'
import { SafeEmitter } from './emitter.ts'
import { SaddleError, type ErrorContext } from './error.ts'
import { connectionFailure } from './failure.ts'
import { Redactor } from './redact.ts'
import { parseRetryAfter } from './retry-after.ts'
import { retry, type RetryOptions } from './retry.ts'

/** Headers as a plain object; names in lower case on answers. */
export type Headers = Record<string, string>

/** Makes the headers that authorise one request. Called for each request, so that a renewed token is used at once. */
export type Authorize = (options: { signal?: AbortSignal | undefined }) => Headers | Promise<Headers>

/** Options of {@link HttpClient}. */
export interface HttpClientOptions extends ConnectionOptions {
  /** Address that requests are relative to; its path (a context path) is kept. Requests to another origin are refused. */
  baseUrl: string | URL
  authorize?: Authorize | undefined
  /** Hosts (`host`, or `host:port` where the port is not the scheme's own) that an operator allows; by default any. */
  allowedHosts?: readonly string[] | undefined
  userAgent?: string | undefined
  retry?: RetryOptions | undefined
  /** Shared by every client of one host and identity; without one, 32 requests at once and no other limit. */
  budget?: Budget | undefined
  /** Knows the secrets; shared by everything that could see them. */
  redactor?: Redactor | undefined
  /** Uses the connections of another client; it is not closed with this one. */
  dispatcher?: Dispatcher | undefined
}

/** One request. */
export interface HttpRequest {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers?: Headers
  /** A string or bytes can be sent again on a retry; a stream is sent once. */
  body?: string | Uint8Array | Readable | AsyncIterable<Uint8Array>
  signal?: AbortSignal | undefined
  /** Whether repeating it is harmless; by default for GET, HEAD, PUT and DELETE. Only such requests are retried. */
  idempotent?: boolean
  /** Follow redirects within the origin (at most 3). Off by default. Another origin is always refused. */
  followRedirects?: boolean
  /** Makes an error of an answer with status 400 or above; by default {@link statusError}. */
  errorOf?: (answer: FailedAnswer) => SaddleError
  /** Milliseconds until the headers have come, where the client's own patience does not fit; 0 is for ever. */
  headersTimeout?: number
  /** Milliseconds between two chunks of the body; 0 is for ever. */
  idleBodyTimeout?: number
  cost?: BudgetCost
}

/** An answer whose body has not been read. Read it or `destroy` it, or its connection stays taken. */
export interface HttpAnswer {
  status: number
  headers: Headers
  /** The body, already uncompressed. */
  body: Readable
}

/** An answer with status 400 or above, with the beginning of its body. */
export interface FailedAnswer {
  status: number
  headers: Headers
  /** At most 64 KiB of the body, redacted. */
  text: string
  context: ErrorContext
  redactor: Redactor
}

/** What a client reports. */
export interface HttpEvents {
  /** A request was answered, or failed for want of an answer (`status` 0). */
  request: { method: string; host: string; path: string; status: number; durationMs: number; attempt: number }
  /** A failed request is about to be tried again. */
  retry: { method: string; host: string; path: string; attempt: number; waitMs: number; code: string; message: string }
  /** A request waits for room in the budget. */
  throttle: { host: string; reason: BudgetWait['reason']; waitMs: number }
}

const idempotentMethods = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])
const errorBodyLimit = 64 * 1024
/** Larger than any page a known server sends; a body beyond it is an attack or a fault. */
const textLimit = 32 * 1024 * 1024

/**
 * How one client speaks to one origin: connection pool, authorisation, retries, budget, redaction and events in one
 * place. REST clients, the git relay and the LFS transfer all go through it.
 */
export class HttpClient extends SafeEmitter<HttpEvents> {
  readonly baseUrl: URL
  readonly dispatcher: Dispatcher
  readonly redactor: Redactor
  readonly budget: Budget
  readonly #options: HttpClientOptions
  readonly #ownsDispatcher: boolean

  constructor(options: HttpClientOptions) {
    super()
    this.#options = options
    this.baseUrl = parseBaseUrl(options.baseUrl)
    checkAllowed(this.baseUrl, options.allowedHosts)
    this.redactor = options.redactor ?? new Redactor()
    this.#ownsDispatcher = options.dispatcher === undefined
    this.dispatcher = options.dispatcher ?? createDispatcher(options)
    this.budget = options.budget ?? new HostBudget({ concurrency: 32 })
  }

  /** Whether credentials travel in clear: plain `http` to another machine than this one. */
  get insecure(): boolean {
    return this.baseUrl.protocol === 'http:' && !/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(this.baseUrl.hostname)
  }

  /** The absolute URL of a path below the base URL, or of an absolute URL of the same origin. */
  resolve(path: string | URL): URL {
    const url =
      typeof path === 'string' && !/^[a-z][a-z0-9+.-]*:/i.test(path)
        ? new URL(this.baseUrl.href.replace(/\/$/, '') + '/' + path.replace(/^\//, ''))
        : new URL(path)
    if (url.origin !== this.baseUrl.origin || url.username || url.password) {
      throw new SaddleError(
        'ADDRESS_NOT_ALLOWED',
        `An address on ${url.protocol}//${url.host} was given where only ${this.baseUrl.origin} is spoken to; nothing was sent to it.`,
        { context: { host: url.host }, redactor: this.redactor },
      )
    }
    return url
  }

  /**
   * Sends a request and waits for the headers of the answer.
   *
   * @param path - relative to the base URL, or absolute within its origin
   * @throws SaddleError for an answer of status 400 or above and for everything that prevents an answer
   */
  async request(path: string | URL, request: HttpRequest = {}): Promise<HttpAnswer> {
    const url = this.resolve(path)
    const method = request.method ?? 'GET'
    const { body } = request
    const repeatable = body === undefined || typeof body === 'string' || body instanceof Uint8Array
    const idempotent = repeatable && (request.idempotent ?? idempotentMethods.has(method))
    const place = { method, host: url.host, path: url.pathname }
    return retry((attempt) => this.#attempt(url, method, request, attempt), {
      ...this.#options.retry,
      ...(idempotent ? {} : { attempts: 1 }),
      signal: request.signal,
      onRetry: ({ attempt, waitMs, error }) => {
        this.emit('retry', { ...place, attempt, waitMs, code: error.code, message: error.message })
      },
    })
  }

  /** Sends a request and reads the answer as text; at most 32 MiB. Retried when the answer breaks off. */
  async text(path: string | URL, request: HttpRequest = {}): Promise<{ status: number; headers: Headers; text: string }> {
    const { status, headers, body } = await this.request(path, request)
    const { host } = this.baseUrl
    try {
      return { status, headers, text: await readText(body, textLimit) }
    } catch (error) {
      throw connectionFailure(error, { host, path: this.resolve(path).pathname }, this.redactor)
    }
  }

  /** Sends a request and reads the answer as JSON. An answer that is not JSON is `PROTOCOL_ERROR`. */
  async json(path: string | URL, request: HttpRequest = {}): Promise<{ status: number; headers: Headers; data: unknown }> {
    const { status, headers, text } = await this.text(path, {
      ...request,
      headers: { accept: 'application/json', ...request.headers },
    })
    if (!text) return { status, headers, data: undefined }
    try {
      return { status, headers, data: JSON.parse(text) as unknown }
    } catch (cause) {
      const url = this.resolve(path)
      throw new SaddleError(
        'PROTOCOL_ERROR',
        `${url.host} answered ${url.pathname} with something that is not JSON. Check that the address is the server's base URL and not a login page or proxy.`,
        { cause, context: { host: url.host, path: url.pathname, status }, redactor: this.redactor },
      )
    }
  }

  /**
   * A `fetch` over this client's connections, for libraries that bring their own requests, retries and authorisation.
   * Other origins are refused and redirects are not followed.
   */
  readonly fetch = async (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    const url = this.resolve(input)
    try {
      return await undiciFetch(url, { ...init, dispatcher: this.dispatcher, redirect: 'manual' })
    } catch (error) {
      throw connectionFailure(error, { host: url.host, path: url.pathname }, this.redactor)
    }
  }

  /** The headers that would authorise a request now; for programs that send requests of their own. */
  async authorization(signal?: AbortSignal): Promise<Headers> {
    return (await this.#options.authorize?.({ signal })) ?? {}
  }

  /** Closes idle connections; requests under way are finished first. */
  async close(): Promise<void> {
    if (this.#ownsDispatcher) await this.dispatcher.close()
  }

  async #attempt(url: URL, method: string, request: HttpRequest, attempt: number): Promise<HttpAnswer> {
    const context: ErrorContext = { method, host: url.host, path: url.pathname, attempts: attempt }
    const release = await this.budget.acquire(request.cost ?? {}, {
      signal: request.signal,
      onWait: (wait) => this.emit('throttle', { host: url.host, ...wait }),
    })
    const started = performance.now()
    let status = 0
    try {
      const answer = await this.#follow(url, method, request, context)
      status = answer.status
      if (status >= 400) throw await this.#failure(answer, request, context)
      answer.body.once('close', release)
      return answer
    } catch (error) {
      release()
      throw connectionFailure(error, context, this.redactor)
    } finally {
      const durationMs = performance.now() - started
      this.emit('request', { method, host: url.host, path: url.pathname, status, durationMs, attempt })
    }
  }

  async #follow(url: URL, method: string, request: HttpRequest, context: ErrorContext): Promise<HttpAnswer> {
    for (let hops = 0; ; hops++) {
      const answer = await this.#send(url, method, request)
      const location = answer.headers['location']
      if (answer.status < 300 || answer.status >= 400 || location === undefined) return answer
      answer.body.destroy()
      const target = new URL(location, url)
      if (target.origin === this.baseUrl.origin && request.followRedirects && hops < 3 && typeof request.body !== 'object') {
        url = target
        continue
      }
      throw new SaddleError(
        'REDIRECTED',
        `${url.host} redirects ${url.pathname} to ${target.origin}${target.pathname}; it was not followed, so that no ` +
          'credential reaches an unexpected place. Use the final address, or check that the credential is valid there.',
        { context: { ...context, status: answer.status }, redactor: this.redactor },
      )
    }
  }

  async #send(url: URL, method: string, request: HttpRequest): Promise<HttpAnswer> {
    const { headersTimeout, idleBodyTimeout, signal } = request
    const answer = await this.dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: method as Dispatcher.HttpMethod,
      headers: {
        'user-agent': this.#options.userAgent ?? 'saddle',
        'accept-encoding': 'gzip',
        ...(await this.authorization(signal)),
        ...request.headers,
      },
      body: (request.body ?? null) as Exclude<Dispatcher.DispatchOptions['body'], undefined>,
      ...(signal ? { signal } : {}),
      ...(headersTimeout === undefined ? {} : { headersTimeout }),
      ...(idleBodyTimeout === undefined ? {} : { bodyTimeout: idleBodyTimeout }),
    })
    const headers = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
    )
    return { status: answer.statusCode, headers, body: uncompressed(answer.body, headers['content-encoding']) }
  }

  async #failure(answer: HttpAnswer, request: HttpRequest, context: ErrorContext): Promise<SaddleError> {
    const text = this.redactor.redact(await readText(answer.body, errorBodyLimit, true).catch(() => ''))
    const retryAfter = parseRetryAfter(answer.headers['retry-after'])
    const error = (request.errorOf ?? statusError)({
      status: answer.status,
      headers: answer.headers,
      text,
      context: { ...context, status: answer.status, ...(retryAfter === undefined ? {} : { retryAfter: retryAfter / 1000 }) },
      redactor: this.redactor,
    })
    if (error.code === 'RATE_LIMITED' && retryAfter !== undefined) this.budget.pause(retryAfter)
    return error
  }
}

/** The error of an answer by its status alone, for servers without error bodies worth reading. */
export function statusError({ status, context, redactor }: FailedAnswer): SaddleError {
  const host = context.host ?? 'The server'
  const at = context.path ? ` for ${context.path}` : ''
  const options = { context, redactor }
  switch (status) {
    case 401:
      return new SaddleError('AUTHENTICATION_FAILED', `${host} does not accept the credentials${at} (401). Check them.`, options)
    case 403:
      return new SaddleError('FORBIDDEN', `${host} forbids the request${at} (403). Check the permissions of the credentials.`, options)
    case 404:
      return new SaddleError('NOT_FOUND', `${host} has nothing${at} (404), or the credentials may not see it.`, options)
    case 408:
      return new SaddleError('TIMEOUT', `${host} gave up waiting for the request${at} (408).`, options)
    case 409:
      return new SaddleError('CONFLICT', `${host} reports a conflict${at} (409).`, options)
    case 429:
      return new SaddleError('RATE_LIMITED', `${host} limits the rate of requests (429).`, options)
  }
  if (status >= 500) return new SaddleError('UPSTREAM_ERROR', `${host} failed${at} (${status}).`, { ...options, retryable: status !== 501 })
  return new SaddleError('PROTOCOL_ERROR', `${host} refused the request${at} (${status}).`, options)
}

function checkAllowed({ host }: URL, allowed: readonly string[] | undefined): void {
  if (!allowed || allowed.some((entry) => entry.toLowerCase() === host)) return
  throw new SaddleError('ADDRESS_NOT_ALLOWED', `The host ${host} is not among the allowed ones (${allowed.join(', ') || 'none'}).`, {
    context: { host, option: 'allowedHosts' },
  })
}

function parseBaseUrl(value: string | URL): URL {
  let url: URL
  try {
    if (/[\r\n\t\0]/.test(String(value))) throw new TypeError('control character')
    url = new URL(value)
  } catch (cause) {
    throw new SaddleError('INVALID_INPUT', 'The base URL is not an address. Write it like https://bitbucket.example.com.', { cause })
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new SaddleError('INVALID_INPUT', `The base URL begins with ${url.protocol} and only https: (or http:) is spoken.`)
  }
  if (url.username || url.password) {
    throw new SaddleError('INVALID_INPUT', 'The base URL carries credentials. Give them as `auth` instead; URLs end up in logs.')
  }
  url.hash = ''
  url.search = ''
  return url
}

function uncompressed(body: Readable, encoding: string | undefined): Readable {
  const decoder =
    encoding === 'gzip' || encoding === 'x-gzip' ? createGunzip()
    : encoding === 'deflate' ? createInflate()
    : encoding === 'br' ? createBrotliDecompress()
    : undefined
  if (!decoder) return body
  // The callback takes the error, which the decoder reports to its reader as well.
  return pipeline(body, decoder, () => undefined)
}

async function readText(body: Readable, limit: number, cut = false): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    chunks.push(chunk)
    if (size <= limit) continue
    if (cut) break
    throw new SaddleError('PROTOCOL_ERROR', `The answer is larger than ${limit} bytes; it was not read to its end.`, { context: { limitBytes: limit } })
  }
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8')
}
