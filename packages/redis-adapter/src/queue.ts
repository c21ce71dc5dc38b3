import { createHash } from 'node:crypto'
import {
  handover, jobKey, retryDelay, SaddleError,
  type JobHandler, type JobQueue, type MigrationJob, type ProcessOptions, type QueueCounts, type QueueWorker,
} from '@saddle/core'
import { DelayedError, Queue, Worker, type Job } from 'bullmq'
import type { Redis } from 'ioredis'
import { RedisConnection, type RedisOptions } from './connection.ts'
import { redisError } from './failure.ts'

/** Options of {@link RedisQueue}. */
export interface RedisQueueOptions {
  /**
   * A worker that was silent for so long is taken for dead, and its jobs are given to others; milliseconds. It should not
   * be less than a second.
   */
  lockMs?: number | undefined
}

/** What applies where an option is left out. */
export const queueDefaults = { lockMs: 15_000 } as const satisfies RedisQueueOptions

const name = 'migrations'
/** A job is tried again for as long as its handler throws: only the store's absence makes it. */
const attempts = 1_000_000
/** Jobs that one command adds. */
const chunkSize = 500

/** A queue on Redis (BullMQ), for workers on any number of machines. A worker that dies loses its jobs to the others. */
export class RedisQueue implements JobQueue {
  readonly #connection: RedisConnection
  readonly #ownsConnection: boolean
  readonly #lockMs: number
  // The library leaves connections that it was given open.
  readonly #client: Redis
  readonly #queue: Queue<MigrationJob>
  readonly #workers = new Set<BullWorker>()
  #closed = false

  /** @param connection - shared with others; it is not closed with the queue */
  constructor(connection: RedisConnection, options: RedisQueueOptions = {}, ownsConnection = false) {
    this.#connection = connection
    this.#ownsConnection = ownsConnection
    this.#lockMs = options.lockMs ?? queueDefaults.lockMs
    this.#client = connection.duplicate()
    this.#queue = new Queue(name, { connection: this.#client, prefix: this.#prefix })
    this.#queue.on('error', () => {})
  }

  /**
   * Connects to a Redis server.
   *
   * @throws SaddleError as {@link RedisConnection.open}
   */
  static async open(options: RedisOptions & RedisQueueOptions): Promise<RedisQueue> {
    return new RedisQueue(await RedisConnection.open(options), options, true)
  }

  async enqueue(jobs: readonly MigrationJob[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += chunkSize) {
      const chunk = jobs.slice(from, from + chunkSize).map((data) => ({
        name: data.kind,
        data,
        opts: { jobId: idOf(data), attempts, backoff: { type: 'custom' }, removeOnComplete: true, removeOnFail: true },
      }))
      await this.#call(() => this.#queue.addBulk(chunk))
    }
  }

  process(handler: JobHandler, options: ProcessOptions): QueueWorker {
    this.#check()
    const worker = new BullWorker(handler, options, {
      connection: this.#connection, prefix: this.#prefix, lockMs: this.#lockMs, closed: () => this.#workers.delete(worker),
    })
    this.#workers.add(worker)
    return worker
  }

  async pause(): Promise<void> {
    await this.#call(() => this.#queue.pause())
  }

  async resume(): Promise<void> {
    await this.#call(() => this.#queue.resume())
  }

  async counts(): Promise<QueueCounts> {
    const counts = await this.#call(() => this.#queue.getJobCounts())
    const of = (state: string) => counts[state] ?? 0
    return { waiting: of('waiting') + of('paused') + of('prioritized'), active: of('active'), delayed: of('delayed') }
  }

  async ping(): Promise<void> {
    this.#check()
    await this.#connection.read((redis) => redis.ping())
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([...this.#workers].map((worker) => worker.close()))
    await this.#queue.close()
    this.#client.disconnect()
    if (this.#ownsConnection) this.#connection.close()
  }

  /** Calls the library once Redis answers: it would wait for ever itself, where the connection's patience has an end. */
  async #call<T>(work: () => Promise<T>): Promise<T> {
    await this.ping()
    try {
      return await work()
    } catch (error) {
      throw redisError(error, this.#connection.host)
    }
  }

  get #prefix(): string {
    return this.#connection.key('queue')
  }

  #check(): void {
    if (this.#closed) throw new SaddleError('STORE_FAILED', 'The queue was closed.')
  }
}

/** The library's ids may not hold colons, and ours may hold anything. */
const idOf = (job: MigrationJob): string => createHash('sha256').update(jobKey(job)).digest('hex')

interface WorkerParts {
  connection: RedisConnection
  prefix: string
  lockMs: number
  closed: () => void
}

class BullWorker implements QueueWorker {
  readonly #client: Redis
  readonly #worker: Worker<MigrationJob>
  readonly #stop = new AbortController()
  readonly #closed: () => void
  #closing: Promise<void> | undefined

  constructor(handler: JobHandler, { concurrency, onError }: ProcessOptions, { connection, prefix, lockMs, closed }: WorkerParts) {
    this.#closed = closed
    const work = async (job: Job<MigrationJob>, token?: string): Promise<void> => {
      const result = await handler(job.data, { signal: this.#stop.signal })
      if (result === 'done') return
      await job.moveToDelayed(Date.now() + result.againInMs, token)
      throw new DelayedError()
    }
    this.#client = connection.duplicate()
    this.#worker = new Worker(name, work, {
      connection: this.#client,
      prefix,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: Math.max(1000, lockMs / 2),
      // A migration whose workers die is not at fault; it goes on with the next.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      settings: { backoffStrategy: retryDelay },
    })
    this.#worker.on('failed', (job, error) => onError?.(error, job?.data))
    this.#worker.on('error', (error) => onError?.(redisError(error, connection.host), undefined))
  }

  close({ graceMs = 0 }: { graceMs?: number } = {}): Promise<void> {
    return (this.#closing ??= this.#close(graceMs))
  }

  async #close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(handover()), graceMs)
    await this.#worker.close()
    clearTimeout(timer)
    this.#client.disconnect()
    this.#closed()
  }
}
