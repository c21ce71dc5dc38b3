import { SaddleError } from '@saddle/transport'
import { handover } from '../bulk/work.ts'
import {
  jobKey, retryDelay,
  type JobHandler, type JobQueue, type MigrationJob, type ProcessOptions, type QueueCounts, type QueueWorker,
} from './queue.ts'

interface Entry {
  job: MigrationJob
  failures: number
  state: 'waiting' | 'active' | 'delayed'
  timer?: NodeJS.Timeout
}

/** Jobs within this process. What waits when it ends is lost here; bulk migrations and migrations stay in their store. */
export class MemoryQueue implements JobQueue {
  /** By key; the order of those that wait is that of the map. */
  readonly #entries = new Map<string, Entry>()
  readonly #workers = new Set<MemoryWorker>()
  #paused = false
  #closed = false

  async enqueue(jobs: readonly MigrationJob[]): Promise<void> {
    this.#check()
    for (const job of jobs) {
      const key = jobKey(job)
      if (!this.#entries.has(key)) this.#entries.set(key, { job: structuredClone(job), failures: 0, state: 'waiting' })
    }
    this.#wake()
  }

  process(handler: JobHandler, options: ProcessOptions): QueueWorker {
    this.#check()
    const worker = new MemoryWorker(handler, options, {
      take: () => (this.#paused ? undefined : this.#take()),
      done: (entry) => this.#entries.delete(jobKey(entry.job)),
      again: (entry, delayMs) => this.#later(entry, delayMs),
      closed: () => this.#workers.delete(worker),
    })
    this.#workers.add(worker)
    worker.wake()
    return worker
  }

  async pause(): Promise<void> {
    this.#check()
    this.#paused = true
  }

  async resume(): Promise<void> {
    this.#check()
    this.#paused = false
    this.#wake()
  }

  async counts(): Promise<QueueCounts> {
    this.#check()
    const counts = { waiting: 0, active: 0, delayed: 0 }
    for (const { state } of this.#entries.values()) counts[state]++
    return counts
  }

  async ping(): Promise<void> {
    this.#check()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#workers].map((worker) => worker.close()))
    for (const { timer } of this.#entries.values()) clearTimeout(timer)
    this.#entries.clear()
  }

  #take(): Entry | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'waiting') continue
      entry.state = 'active'
      return entry
    }
    return undefined
  }

  #later(entry: Entry, delayMs: number): void {
    const key = jobKey(entry.job)
    // To the end of the line.
    this.#entries.delete(key)
    if (this.#closed) return
    this.#entries.set(key, entry)
    entry.state = 'delayed'
    entry.timer = setTimeout(() => {
      entry.state = 'waiting'
      this.#wake()
    }, delayMs)
  }

  #wake(): void {
    for (const worker of this.#workers) worker.wake()
  }

  #check(): void {
    if (this.#closed) throw new SaddleError('STORE_FAILED', 'The queue was closed.')
  }
}

interface WorkerQueue {
  take(): Entry | undefined
  done(entry: Entry): void
  again(entry: Entry, delayMs: number): void
  closed(): void
}

class MemoryWorker implements QueueWorker {
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #closing = false

  constructor(readonly handler: JobHandler, readonly options: ProcessOptions, readonly queue: WorkerQueue) {}

  /** Takes as many jobs as there is room for. */
  wake(): void {
    while (!this.#closing && this.#running.size < this.options.concurrency) {
      const entry = this.queue.take()
      if (!entry) return
      const work = this.#work(entry).finally(() => {
        this.#running.delete(work)
        this.wake()
      })
      this.#running.add(work)
    }
  }

  async close({ graceMs = 0 }: { graceMs?: number } = {}): Promise<void> {
    this.#closing = true
    const timer = setTimeout(() => this.#stop.abort(handover()), graceMs)
    await Promise.all(this.#running)
    clearTimeout(timer)
    this.queue.closed()
  }

  async #work(entry: Entry): Promise<void> {
    try {
      const result = await this.handler(structuredClone(entry.job), { signal: this.#stop.signal })
      entry.failures = 0
      if (result === 'done') this.queue.done(entry)
      else this.queue.again(entry, result.againInMs)
    } catch (error) {
      this.queue.again(entry, retryDelay(++entry.failures))
      this.options.onError?.(error, entry.job)
    }
  }
}
