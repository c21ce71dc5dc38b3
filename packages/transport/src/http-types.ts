import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { CallOptions } from './abort.ts'
import type { Budget, BudgetCost, BudgetWait, ToldLimit } from './budget.ts'
import type { ConnectionOptions } from './dispatcher.ts'
import type { SaddleError } from './error.ts'
import type { Redactor } from './redact.ts'
import type { RetryOptions } from './retry.ts'
import type { FailedAnswer } from './status-error.ts'

/** Headers as a plain object; names in lower case on answers. */
export type Headers = Record<string, string>

/** Makes the headers that authorise one request. Called for each request, so that a renewed token is used at once. */
export type Authorize = (options: CallOptions) => Headers | Promise<Headers>

/** What the client of any server takes: how to reach it, and what it shares with others. */
export interface ClientOptions extends Omit<ConnectionOptions, 'connections'> {
  /** Hosts (`host`, or `host:port` where the port is not the scheme's own) that an operator allows; by default any. */
  allowedHosts?: readonly string[] | undefined
  userAgent?: string | undefined
  /** Patience with passing failures and rate limits. */
  retry?: RetryOptions | undefined
  /** Shared by every client of one host and identity; without one, 32 requests at once and no other limit. */
  budget?: Budget | undefined
  /** Knows the secrets; shared by everything that could see them. */
  redactor?: Redactor | undefined
}

/** Options of {@link HttpClient}. */
export interface HttpClientOptions extends ClientOptions, Pick<ConnectionOptions, 'connections'> {
  /** Address that requests are relative to; its path (a context path) is kept. Requests to another origin are refused. */
  baseUrl: string | URL
  authorize?: Authorize | undefined
  /** Finds what an answer shows of the server's bucket of requests, for the budget to keep to. */
  limitOf?: ((answer: AnswerHead) => ToldLimit | undefined) | undefined
  /**
   * Uses the connections of another client; it is not closed with this one. The options of the connection are then only
   * told to those who ask (`HttpClient.connection`): give the other client's.
   */
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
  /** What it concerns (`owner/name`), where its path does not say it: for the events. */
  about?: string | undefined
}

/** An answer whose body has not been read. Read it or `destroy` it, or its connection stays taken. */
export interface HttpAnswer {
  status: number
  headers: Headers
  /** The body, already uncompressed. */
  body: Readable
}

/** An answer without its body, and when its request was sent: milliseconds as of `performance.now()`. */
export interface AnswerHead extends Pick<HttpAnswer, 'status' | 'headers'> {
  sentAt: number
}

/** What a client reports. */
export interface HttpEvents {
  /** A request was answered, or failed for want of an answer (`status` 0). */
  request: { method: string; host: string; path: string; status: number; durationMs: number; attempt: number }
  /** A failed request is about to be tried again. */
  retry: { method: string; host: string; path: string; about?: string | undefined; attempt: number; waitMs: number; code: string; message: string }
  /** A request waits for room in the budget. */
  throttle: { host: string; path: string; about?: string | undefined; reason: BudgetWait['reason']; waitMs: number }
}
