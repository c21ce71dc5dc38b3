import type { Redactor } from './redact.ts'

/** Every failure Saddle can report. Closed: a new kind of failure is a new code, never a new message to compare. */
export const errorCodes = [
  'INVALID_INPUT',
  'MISSING_CONFIGURATION',
  'ADDRESS_NOT_ALLOWED',
  'NETWORK',
  'TIMEOUT',
  'TLS',
  'REDIRECTED',
  'AUTHENTICATION_FAILED',
  'CAPTCHA_REQUIRED',
  'FORBIDDEN',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT',
  'RATE_LIMITED',
  'UPSTREAM_ERROR',
  'PROTOCOL_ERROR',
  'ABORTED',
  'OBJECT_FORMAT_MISMATCH',
  'PACK_CORRUPT',
  'PACK_TOO_LARGE',
  'LARGE_FILE',
  'REF_DIVERGED',
  'REF_REJECTED',
  'REF_HIDDEN',
  'REF_PROTECTED',
  'EMAIL_PRIVACY',
  'LFS_OBJECTS_MISSING',
  'RULE_VIOLATION',
  'VERIFICATION_FAILED',
  'BACKEND_UNAVAILABLE',
  'STORE_FAILED',
  'STORE_FULL',
  'MIGRATION_RUNNING',
  'LEASE_LOST',
  'INTERNAL',
] as const

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number]

/**
 * What an error may carry besides its text. An allow-list: anything else is dropped by the constructor, so that a
 * request, a header or an option object with a secret in it cannot ride along.
 */
export interface ErrorContext {
  /** Host and port of the server that was spoken to. */
  host?: string
  /** HTTP method of the request. */
  method?: string
  /** Path of the request, without its query. */
  path?: string
  /** HTTP status of the answer. */
  status?: number
  /** The server's own id of the request, for its operators. */
  requestId?: string
  /** Seconds to wait before another try can help. */
  retryAfter?: number
  /** How many tries were made. */
  attempts?: number
  /** `PROJECT/slug` at the source. */
  source?: string
  /** `owner/name` at the target. */
  target?: string
  /** Full names of the refs concerned. */
  refs?: readonly string[]
  /** Id of the migration concerned. */
  migrationId?: string
  /** The name of the option or setting to change. */
  option?: string
  /** A limit that was passed, in bytes. */
  limitBytes?: number
  /** Exit status of a program that was run. */
  exitCode?: number
}

const contextFields = [
  'host', 'method', 'path', 'status', 'requestId', 'retryAfter', 'attempts', 'source', 'target', 'refs', 'migrationId',
  'option', 'limitBytes', 'exitCode',
] as const satisfies readonly (keyof ErrorContext)[]

/** Codes of failures that pass by themselves: another try, later, can succeed with nothing changed. */
const passing: ReadonlySet<ErrorCode> = new Set(['NETWORK', 'TIMEOUT', 'RATE_LIMITED', 'UPSTREAM_ERROR', 'MIGRATION_RUNNING'])

/** What the constructor of {@link SaddleError} takes besides code and message. */
export interface SaddleErrorOptions {
  /**
   * What caused it, for debuggers; not part of `toJSON`, so it never reaches a store or a stream. With a redactor, an
   * error is kept as a redacted copy of its name, code, message, stack and own cause: what else hangs on it is dropped.
   */
  cause?: unknown
  /** Whether another try can help; by default what the code implies. */
  retryable?: boolean
  /** Facts about the failure; fields outside {@link ErrorContext} are dropped. */
  context?: ErrorContext
  /** Removes secrets from the message and from string fields of the context. */
  redactor?: Redactor
}

/** The JSON form of an error, as stored, streamed and answered. */
export interface SerializedError {
  code: ErrorCode
  message: string
  retryable: boolean
  context?: ErrorContext
}

const brand = Symbol.for('saddle.error')

/**
 * The one error type. `message` is a text for a person: what happened and what to do about it. `code` is for programs.
 * Two copies of the package recognise each other's errors, with {@link SaddleError.is} and with `instanceof`.
 *
 * @example
 * ```ts
 * import { SaddleError } from '@saddle/transport'
 *
 * try {
 *   await engine.migrate(request)
 * } catch (error) {
 *   if (!SaddleError.is(error)) throw error
 *   console.error(`${error.message} (${error.code})`)
 *   if (error.retryable) console.error('Running it again later can help.')
 * }
 * ```
 */
export class SaddleError extends Error {
  override readonly name = 'SaddleError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly context: Readonly<ErrorContext>

  constructor(code: ErrorCode, message: string, options: SaddleErrorOptions = {}) {
    const { redactor } = options
    const cause = redactor ? redactedCause(options.cause, redactor) : options.cause
    super(redactor ? redactor.redact(message) : message, cause === undefined ? undefined : { cause })
    this.code = code
    this.retryable = options.retryable ?? passing.has(code)
    this.context = Object.freeze(pickContext(options.context ?? {}, redactor))
    Object.defineProperty(this, brand, { value: true })
  }

  /** Whether a value is a SaddleError, of this copy of the package or of another. */
  static is(value: unknown): value is SaddleError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true
  }

  /** Makes `instanceof SaddleError` the same as {@link SaddleError.is}; subclasses keep the usual meaning. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === SaddleError ? SaddleError.is(value) : Function.prototype[Symbol.hasInstance].call(this, value)
  }

  /** The value itself when it is a SaddleError, `ABORTED` for an abort, otherwise an error of the given code around it. */
  static from(value: unknown, code: ErrorCode = 'INTERNAL', options: SaddleErrorOptions = {}): SaddleError {
    if (SaddleError.is(value)) return value
    if (value instanceof Error && value.name === 'AbortError') {
      return new SaddleError('ABORTED', 'The operation was cancelled.', { cause: value, ...options })
    }
    if (value instanceof Error && value.name === 'TimeoutError') {
      return new SaddleError('TIMEOUT', 'The operation took longer than it was given.', { cause: value, ...options })
    }
    return new SaddleError(code, value instanceof Error ? value.message : String(value), { cause: value, ...options })
  }

  /** The JSON form: everything but stack and cause. */
  toJSON(): SerializedError {
    const { code, message, retryable, context } = this
    return Object.keys(context).length ? { code, message, retryable, context } : { code, message, retryable }
  }
}

function pickContext(context: ErrorContext, redactor: Redactor | undefined): ErrorContext {
  const clean = (text: string): string => (redactor ? redactor.redact(text) : text)
  const picked: Record<string, unknown> = {}
  for (const field of contextFields) {
    // Callers without types can put anything here; only the declared kinds of values are kept.
    const value: unknown = context[field]
    if (typeof value === 'string') picked[field] = clean(value)
    else if (typeof value === 'number') picked[field] = value
    else if (Array.isArray(value)) picked[field] = Object.freeze(value.filter((item) => typeof item === 'string').map(clean))
  }
  return picked
}

function redactedCause(cause: unknown, redactor: Redactor, depth = 0): unknown {
  if (typeof cause === 'string') return redactor.redact(cause)
  if (!(cause instanceof Error) || SaddleError.is(cause)) return SaddleError.is(cause) ? cause : undefined
  const { name, message, stack, code, cause: deeper } = cause as Error & { code?: unknown }
  const inner = deeper === undefined || depth >= 5 ? undefined : redactedCause(deeper, redactor, depth + 1)
  const copy = new Error(redactor.redact(message), inner === undefined ? undefined : { cause: inner })
  Object.defineProperties(copy, {
    name: { value: name, configurable: true, writable: true },
    stack: { value: stack && redactor.redact(stack), configurable: true, writable: true },
    ...(typeof code === 'string' ? { code: { value: code, enumerable: true } } : {}),
  })
  return copy
}
