import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SaddleError, Semaphore, type Budget, type BudgetCost, type BudgetRate, type BudgetWait, type ToldLimit } from '@saddle/core'
import { drawScript, learnScript, pauseScript } from './budget-script.ts'
import type { RedisConnection } from './connection.ts'

/** The limits of a {@link RedisBudget}; what is left out is unlimited. */
export interface RedisBudgetOptions {
  /** Whose budget it is: the same for all who talk to one host under one identity. Only its hash is stored. */
  identity: string
  /** Requests under way at once, in the whole cluster. */
  concurrency?: number | undefined
  /** The server's general bucket. */
  points?: BudgetRate | undefined
  /** Content creation; several limits hold at once. */
  creations?: readonly BudgetRate[] | undefined
  /** The share of a process that died is given back after this time, in milliseconds; longer than any request. */
  requestMs?: number | undefined
}

/** How soon to ask again for room, in milliseconds: others give it back without telling. */
const roomEveryMs = 50

/**
 * The budget of one host and identity that all processes of a cluster share. Within a process first come, first served;
 * between processes whoever asks first.
 */
export class RedisBudget implements Budget {
  readonly #connection: RedisConnection
  readonly #state: string
  readonly #running: string
  readonly #options: RedisBudgetOptions
  readonly #limits: readonly (string | number)[]
  /** Reading goes on while creation is exhausted, so each has a line of its own. */
  readonly #lines = { reads: new Semaphore(1), creates: new Semaphore(1) }
  #learned: string | undefined

  constructor(connection: RedisConnection, options: RedisBudgetOptions) {
    const { identity, concurrency, points, creations = [] } = options
    this.#connection = connection
    this.#options = options
    const name = createHash('sha256').update(identity).digest('hex').slice(0, 32)
    this.#state = connection.key('budget', name)
    this.#running = connection.key('budget', name, 'running')
    this.#limits = [points?.amount ?? '', points?.intervalMs ?? '', ...creations.flatMap(({ amount, intervalMs }) => [amount, intervalMs])]
    if (concurrency !== undefined && !(concurrency > 0)) {
      throw new SaddleError('INVALID_INPUT', "A budget's concurrency must be greater than zero.", { context: { option: 'concurrency' } })
    }
  }

  async acquire(
    cost: BudgetCost = {},
    options: { signal?: AbortSignal | undefined; onWait?: (wait: BudgetWait) => void } = {},
  ): Promise<() => void> {
    const leave = await this.#lines[cost.creates ? 'creates' : 'reads'].enter(options.signal)
    try {
      return await this.#draw(cost, options)
    } finally {
      leave()
    }
  }

  pause(milliseconds: number): void {
    if (!(milliseconds > 0)) return
    // Nobody waits for it; a Redis that is away for longer than patience gives everybody pause anyway.
    this.#connection.query(pauseScript, [this.#state], [Math.ceil(milliseconds)]).catch(() => undefined)
  }

  learn({ rate: { amount, intervalMs }, left = amount, assumed }: ToldLimit): void {
    if (assumed && this.#options.points) return
    // Each answer tells of it; what every process draws is counted in Redis, so once is enough.
    const limit = `${amount}/${intervalMs}`
    if (this.#learned === limit) return
    this.#learned = limit
    this.#connection.query(learnScript, [this.#state], [amount, intervalMs, left]).catch(() => (this.#learned = undefined))
  }

  async #draw(cost: BudgetCost, { signal, onWait }: { signal?: AbortSignal | undefined; onWait?: (wait: BudgetWait) => void }): Promise<() => void> {
    const id = randomUUID()
    const { concurrency, requestMs = 3_600_000 } = this.#options
    let told: BudgetWait['reason'] | undefined
    for (;;) {
      const args = [id, requestMs, concurrency ?? '', cost.points ?? 1, cost.creates ? '1' : '0', ...this.#limits]
      const answer = await this.#connection.query(drawScript, [this.#state, this.#running], args)
      if (answer === 'OK') return this.#releaser(id)
      const [reason, waitMs] = answer.split(' ') as [BudgetWait['reason'], string]
      // Waiting for room asks again and again; once is enough to tell.
      if (reason !== 'concurrency' || told !== reason) onWait?.({ reason, waitMs: Number(waitMs) })
      told = reason
      await pauseFor(reason === 'concurrency' ? roomEveryMs : Number(waitMs), signal)
    }
  }

  #releaser(id: string): () => void {
    let released = this.#options.concurrency === undefined
    return () => {
      if (released) return
      released = true
      // One that is not given back now is given back by time.
      this.#connection.read((redis) => redis.zrem(this.#running, id)).catch(() => undefined)
    }
  }
}

async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {})
  } catch (error) {
    throw SaddleError.from(signal?.reason ?? error, 'ABORTED')
  }
}
