import { throwIfAborted } from './abort.ts'
import { SaddleError } from './error.ts'
import { Semaphore } from './semaphore.ts'
import { sleep } from './sleep.ts'

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
  /** The server told of its bucket: it is kept to from now on. Left out where the limits are known beforehand. */
  learn?(limit: ToldLimit): void
}

/** A server's general bucket as one of its answers told of it. */
export interface ToldLimit {
  rate: BudgetRate
  /** What was left in it, where the answer said so. */
  left?: number
  /** Nobody told: it is what a refusal suggests, and counts only where no limit is known beforehand. */
  assumed?: boolean
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
  clock?: {
    /** Milliseconds of a clock that never goes back. */
    now: () => number
    /** Waits; rejects when the signal fires. */
    sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  }
}

const realClock = { now: () => performance.now(), sleep }

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

  /** Holds no more than that: others draw from the same bucket. What is on its way was taken here already. */
  lower(left: number): void {
    this.#level = Math.min(this.#level, left)
  }
}

/** The budget of one host within one process: a bound on concurrency and token buckets, first come, first served. */
export class HostBudget implements Budget {
  readonly #clock: NonNullable<HostBudgetOptions['clock']>
  readonly #running: Semaphore
  readonly #isKnown: boolean
  #points: Bucket[]
  readonly #creations: Bucket[]
  // One at a time looks at its buckets, so that nobody overtakes who waits for them. Creation has a line of its own:
  // reading goes on while it is exhausted.
  readonly #pointsLine = new Semaphore(1)
  readonly #creationLine = new Semaphore(1)
  #pausedUntil = -Infinity

  constructor(options: HostBudgetOptions = {}) {
    const { concurrency = Infinity, points, creations = [] } = options
    for (const [option, value] of Object.entries({ concurrency, ...points })) {
      if (!(Number(value) > 0)) throw new SaddleError('INVALID_INPUT', `A budget's ${option} must be greater than zero.`, { context: { option } })
    }
    this.#clock = options.clock ?? realClock
    const now = this.#clock.now()
    this.#running = new Semaphore(concurrency)
    this.#isKnown = points !== undefined
    this.#points = points ? [new Bucket(points, now)] : []
    this.#creations = creations.map((rate) => new Bucket(rate, now))
  }

  async acquire(
    cost: BudgetCost = {},
    { signal, onWait }: { signal?: AbortSignal | undefined; onWait?: (wait: BudgetWait) => void } = {},
  ): Promise<() => void> {
    if (cost.creates) await this.#draw(() => this.#creations, 1, 'creation', this.#creationLine, signal, onWait)
    if (this.#running.full) onWait?.({ reason: 'concurrency', waitMs: 0 })
    const release = await this.#running.enter(signal)
    try {
      await this.#draw(() => this.#points, cost.points ?? 1, 'points', this.#pointsLine, signal, onWait)
    } catch (error) {
      release()
      throw error
    }
    return release
  }

  pause(milliseconds: number): void {
    if (!(milliseconds > 0)) return
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + milliseconds)
  }

  learn({ rate, left = rate.amount, assumed }: ToldLimit): void {
    if (assumed && this.#isKnown) return
    if (!(rate.amount > 0) || !(rate.intervalMs > 0)) return
    const [known] = this.#points
    const same = known?.rate.amount === rate.amount && known.rate.intervalMs === rate.intervalMs
    const bucket = same ? known : new Bucket(rate, this.#clock.now())
    bucket.lower(left)
    this.#points = [bucket]
  }

  /** Waits until every bucket holds the points (and no pause is on), then takes them. */
  async #draw(
    bucketsNow: () => readonly Bucket[],
    points: number,
    reason: BudgetWait['reason'],
    line: Semaphore,
    signal: AbortSignal | undefined,
    onWait?: (wait: BudgetWait) => void,
  ): Promise<void> {
    const leave = await line.enter(signal)
    try {
      for (;;) {
        const now = this.#clock.now()
        const buckets = bucketsNow()
        const told = this.#pausedUntil - now
        const empty = Math.max(0, ...buckets.map((bucket) => bucket.wait(points, now)))
        const waitMs = Math.max(told, empty)
        if (waitMs <= 0) {
          for (const bucket of buckets) bucket.take(points)
          return
        }
        onWait?.({ reason: told >= empty ? 'told' : reason, waitMs })
        await this.#sleep(waitMs, signal)
      }
    } finally {
      leave()
    }
  }

  async #sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#clock.sleep(milliseconds, signal)
    } catch (error) {
      throwIfAborted(signal)
      throw error
    }
  }
}
