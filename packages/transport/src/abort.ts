import { SaddleError, type SaddleErrorOptions } from './error.ts'

/** What everything that waits takes. */
export interface CallOptions {
  /** Ends the wait, and what is waited for. */
  signal?: AbortSignal | undefined
}

/**
 * The error of an aborted signal, whatever it was aborted with: the reason itself when it is a {@link SaddleError},
 * `TIMEOUT` for `AbortSignal.timeout()`, `ABORTED` for anything else (`abort()`, `abort('shutting down')`).
 */
export function abortError(signal: AbortSignal, options: SaddleErrorOptions = {}): SaddleError {
  const reason: unknown = signal.reason
  if (SaddleError.is(reason) || (reason instanceof Error && reason.name === 'TimeoutError')) {
    return SaddleError.from(reason, 'ABORTED', options)
  }
  return new SaddleError('ABORTED', 'The operation was cancelled.', { cause: reason, ...options })
}

/** Throws {@link abortError} when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal)
}
