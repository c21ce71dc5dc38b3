import { abortError, throwIfAborted } from './abort.ts'

/** A bound on how much happens at once: first come, first served, and whoever is cancelled leaves the line at once. */
export class Semaphore {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(places: number) {
    this.#free = places
  }

  /** Whether the next one would have to wait. */
  get full(): boolean {
    return this.#free <= 0
  }

  /** Waits for a place; returns the function that gives it back. Calling that again does nothing. */
  async enter(signal?: AbortSignal): Promise<() => void> {
    throwIfAborted(signal)
    if (this.#free > 0) this.#free--
    else await this.#line(signal)
    let left = false
    return () => {
      if (left) return
      left = true
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }

  #line(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const proceed = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(proceed), 1)
        if (signal) reject(abortError(signal))
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(proceed)
    })
  }
}
