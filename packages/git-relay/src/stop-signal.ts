import { SaddleError } from '@saddle/transport'

/** One signal for both sides of a relay: the caller's, and one that fires when neither server gives a sign of life. */
export class StopSignal {
  readonly signal: AbortSignal
  readonly #own = new AbortController()
  readonly #timer: NodeJS.Timeout

  /** @param patience - the longest silence, in milliseconds */
  constructor(callers: AbortSignal | undefined, patience: number) {
    this.signal = callers ? AbortSignal.any([callers, this.#own.signal]) : this.#own.signal
    this.#timer = setTimeout(() => this.#own.abort(silence(patience)), patience)
  }

  /** Tells of a sign of life. */
  readonly alive = (): void => {
    this.#timer.refresh()
  }

  /** Nothing is waited for any more. What is under way goes on: a connection whose answer is read to its end can be used again. */
  end(): void {
    clearTimeout(this.#timer)
  }

  /** Ends whatever is still under way. */
  stop(): void {
    this.end()
    this.#own.abort()
  }
}

const silence = (patience: number) =>
  new SaddleError(
    'TIMEOUT',
    `Neither server gave a sign of life for ${patience / 1000} s, so the transfer was broken off. List the target's refs, or run ` +
      'again: what arrived is not sent twice.',
  )
