import { setTimeout as delay } from 'node:timers/promises'
import { SaddleError } from './error.ts'

/** What a request draws from a budget. */
export interface BudgetCost {
  /** Points or tokens of the server's bucket; 1 by default. */
  points?: number
  /** Whether the request creates content (GitHub counts these apart). */
  creates?: boolean
}

/** Why a request waits. */
export interface BudgetWait {
  reason: 'concurrency' | 'points' | 'creation' | 'told'
  waitMs: number
}

/**
 * Shared by everything that talks to one host under one identity, so that it slows down before the server says so.
 * An interface, since the members of a cluster share theirs through Redis.
 */
export interface Budget {
  /**
   * Waits for room, then takes it.
   *
   * @returns a function that ends the request's share of the concurrency
   */
  acquire(cost: BudgetCost, options: { signal?: AbortSignal | undefined; onWait?: (wait: BudgetWait) => void }): Promise<() => void>
  /** The server said to wait: nobody sends before that many milliseconds have passed. */
  pause(milliseconds: number): void
}

/** A limit of `amount` per `intervalMs`, refilled continuously. */
export interface BudgetRate {
  amount: number
  intervalMs: number
}

/** The limits of a {@link HostBudget}; what is left out is unlimited. */
export interface HostBudgetOptions {
  /** Requests under way at once. */
  concurrency?: number
  /** The server's general bucket. */
  points?: BudgetRate
  /** Content creation; several limits hold at once (GitHub: 80 a minute and 500 an hour). */
  creations?: readonly BudgetRate[]
  /** The clock in milliseconds and the wait; replaced in tests. */
  clock?: { now(): number; sleep(milliseconds: number, signal?: AbortSignal): Promise<void> }
}

const realClock = {
  now: () => performance.now(),
  sleep: async (milliseconds: number, signal?: AbortSignal) => {
    await delay(milliseconds, undefined, signal ? { signal } : {})
  },
}

class Bucket {
  #level: number
  #at: number

  constructor(readonly rate: BudgetRate, now: number) {
    this.#level = rate.amount
    this.#at = now
  }

  /** Milliseconds until `points` can be taken. */
  wait(points: number, now: number): number {
    const perMs = this.rate.amount / this.rate.intervalMs
    this.#level = Math.min(this.rate.amount, this.#level + (now - this.#at) * perMs)
    this.#at = now
    const missing = Math.min(points, this.rate.amount) - this.#level
    return missing <= 1e-9 ? 0 : Math.ceil(missing / perMs)
  }

  take(points: number): void {
    this.#level -= points
  }
}

/** The budget of one host within one process: a bound on concurrency and token buckets, first come, first served. */
export class HostBudget implements Budget {
  readonly #options: HostBudgetOptions
  readonly #clock: NonNullable<HostBudgetOptions['clock']>
  readonly #points: Bucket | undefined
  readonly #creations: Bucket[]
  readonly #waiting: (() => void)[] = []
  #running = 0
  #pausedUntil = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: HostBudgetOptions = {}) {
    this.#options = options
    this.#clock = options.clock ?? realClock
    const now = this.#clock.now()
    this.#points = options.points && new Bucket(options.points, now)
    this.#creations = (options.creations ?? []).map((rate) => new Bucket(rate, now))
  }

  async acquire(
    cost: BudgetCost = {},
    { signal, onWait }: { signal?: AbortSignal | undefined; onWait?: (wait: BudgetWait) => void } = {},
  ): Promise<() => void> {
    if (this.#running >= (this.#options.concurrency ?? Infinity)) {
      onWait?.({ reason: 'concurrency', waitMs: 0 })
      await this.#room(signal)
    } else this.#running++
    const turn = this.#turn.then(() => this.#draw(cost, signal, onWait))
    // The next in line waits for this one's draw, whether or not it succeeds.
    this.#turn = turn.catch(() => undefined)
    try {
      await turn
    } catch (error) {
      this.#leave()
      throw SaddleError.from(error)
    }
    let left = false
    return () => {
      if (!left) this.#leave()
      left = true
    }
  }

  pause(milliseconds: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + milliseconds)
  }

  async #draw(cost: BudgetCost, signal: AbortSignal | undefined, onWait?: (wait: BudgetWait) => void): Promise<void> {
    const points = cost.points ?? 1
    for (;;) {
      signal?.throwIfAborted()
      const now = this.#clock.now()
      const waits: BudgetWait[] = [
        { reason: 'told', waitMs: Math.max(0, this.#pausedUntil - now) },
        { reason: 'points', waitMs: this.#points?.wait(points, now) ?? 0 },
        ...this.#creations.map((bucket) => ({ reason: 'creation' as const, waitMs: cost.creates ? bucket.wait(1, now) : 0 })),
      ]
      const longest = waits.reduce((a, b) => (b.waitMs > a.waitMs ? b : a))
      if (longest.waitMs <= 0) break
      onWait?.(longest)
      await this.#clock.sleep(longest.waitMs, signal)
    }
    this.#points?.take(points)
    if (cost.creates) for (const bucket of this.#creations) bucket.take(1)
  }

  #room(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const proceed = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(proceed), 1)
        reject(SaddleError.from(signal?.reason))
      }
      if (signal?.aborted) return reject(SaddleError.from(signal.reason))
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(proceed)
    })
  }

  /** Hands the place to the next in line, or gives it up. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running--
  }
}
