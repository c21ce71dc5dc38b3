import { abortError, throwIfAborted } from './abort.ts'
import { withDefaults } from './defaults.ts'
import { SaddleError } from './error.ts'
import { sleep } from './sleep.ts'

/** How often and how patiently passing failures are tried again. Times are milliseconds. */
export interface RetryOptions {
  /** Tries in all, the first included. */
  attempts?: number
  /** Upper bound of the first wait; doubles with each try. */
  baseDelay?: number
  /** Upper bound of any wait that the server did not ask for. */
  maxDelay?: number
  /** The longest wait that is obeyed when a server asks for one; a longer one fails with its `retryAfter`. */
  maxRetryAfter?: number
  /** A source of randomness in [0, 1), for full jitter. */
  random?: () => number
  /** Waits; replaced in tests. */
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>
}

/** What applies where an option is left out. */
export const retryDefaults = {
  attempts: 5,
  baseDelay: 500,
  maxDelay: 30_000,
  maxRetryAfter: 15 * 60_000,
  /** `Math.random` */
  random: Math.random,
  /** Real waiting. */
  sleep,
} as const satisfies Required<RetryOptions>

/** A wait between two tries. */
export interface RetryNotice {
  /** The try that failed, from 1. */
  attempt: number
  waitMs: number
  error: SaddleError
}

/**
 * Runs an operation until it succeeds, fails for good, or the tries are used up. Waits are drawn uniformly from zero to
 * a bound that doubles (full jitter), unless the error says how long to wait: then it is that long, at least.
 *
 * @throws the last error; `ABORTED` when the signal fires while waiting
 */
export async function retry<T>(
  operation: (attempt: number) => Promise<T>,
  options: RetryOptions & { signal?: AbortSignal | undefined; onRetry?: (notice: RetryNotice) => void } = {},
): Promise<T> {
  const { signal, onRetry } = options
  const settings = withDefaults<Required<RetryOptions>>(retryDefaults, options)
  const { attempts, baseDelay, maxDelay, maxRetryAfter, random } = settings
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation(attempt)
    } catch (thrown) {
      const error = signal?.aborted && !SaddleError.is(thrown) ? abortError(signal) : SaddleError.from(thrown)
      const asked = error.context.retryAfter === undefined ? undefined : error.context.retryAfter * 1000
      if (!error.retryable || attempt >= attempts) throw error
      if (asked !== undefined && asked > maxRetryAfter) throw error
      throwIfAborted(signal)
      const jitter = random() * Math.min(maxDelay, baseDelay * 2 ** (attempt - 1))
      const waitMs = Math.round(asked === undefined ? jitter : asked + random() * baseDelay)
      onRetry?.({ attempt, waitMs, error })
      try {
        await settings.sleep(waitMs, signal)
      } catch (interrupted) {
        throwIfAborted(signal)
        throw SaddleError.from(interrupted)
      }
    }
  }
}
