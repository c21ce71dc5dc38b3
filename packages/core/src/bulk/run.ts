import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { abortError, SaddleError } from '@saddle/transport'
import { LeaseKeeper, takeLease } from '../lease.ts'
import type { Lease, MigrationStore } from '../store/store.ts'
import { bulkFailures } from './failures.ts'
import { ItemQueue } from './item-queue.ts'
import { isOpen, type BulkRecord } from './record.ts'
import { cancelWaiting, finishBulk } from './settle.ts'
import { workOnItem, type BulkParts } from './work.ts'

/** How a bulk migration is run in this process. */
export interface RunBulkOptions {
  /** How many repositories at once; by default what was said at its creation, or {@link defaultConcurrency}. */
  concurrency?: number | undefined
  signal?: AbortSignal | undefined
  /** How long a process that died keeps others from the bulk migration, in milliseconds. */
  leaseMs?: number | undefined
}

const defaultLeaseMs = 15_000
/** How long it may take to notice that somebody elsewhere cancelled. */
const longestUnawareMs = 1000

/**
 * How many repositories at once: several for each processor, since the work waits for servers more than it computes, and no
 * more than have room in the budget of the source, where each has up to two of 32 requests under way.
 */
export const defaultConcurrency = (): number => Math.min(16, Math.max(4, availableParallelism() * 4))

/**
 * Runs a stored bulk migration in this process, or continues one whose process died, with a bound on how many repositories
 * are under way.
 *
 * @throws SaddleError `NOT_FOUND`; `MIGRATION_RUNNING` when a living process runs it; `ABORTED` when the signal fires
 * or somebody cancels it; the store's failures. Never for what happens to one repository.
 */
export async function runBulk(parts: BulkParts, id: string, options: RunBulkOptions = {}): Promise<void> {
  const { store } = parts
  const { leaseMs: ttlMs = defaultLeaseMs } = options
  const lease = await leaseOf(store, id, ttlMs, options.signal)
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const keeper = new LeaseKeeper({
    store,
    lease,
    ttlMs,
    everyMs: Math.min(longestUnawareMs, ttlMs / 3),
    lostText: `Another process took over the bulk migration ${id}; this one was silent for too long and stops.`,
    cancellation: async () => ((await store.bulks.get(id))?.cancelRequested ? bulkFailures.cancelled() : undefined),
    abort: (reason) => stop.abort(reason),
  })
  try {
    const record = await beginBulk(store, id)
    const queue = new ItemQueue(store.bulks, id)
    const work = async (): Promise<void> => {
      for (let index = await queue.next(signal); index !== undefined; index = await queue.next(signal)) {
        if ((await workOnItem(parts, record, index, signal)) === 'elsewhere') queue.again(index)
      }
    }
    const concurrency = Math.max(1, options.concurrency ?? record.concurrency ?? defaultConcurrency())
    // What one worker throws (the store failed) ends the others as well; all have stopped before anybody is told.
    await Promise.all(Array.from({ length: concurrency }, () => work().catch((error: unknown) => stop.abort(SaddleError.from(error)))))
    if (signal.aborted) await interrupted(store, id, signal)
    await finishBulk(store, id)
  } finally {
    await keeper.stop()
  }
}

async function leaseOf(store: MigrationStore, id: string, ttlMs: number, signal: AbortSignal | undefined): Promise<Lease> {
  if (!(await store.bulks.get(id))) throw bulkFailures.unknown(id)
  try {
    return await takeLease(store, `bulk/${id}`, randomUUID(), { ttlMs, signal })
  } catch (error) {
    throw SaddleError.from(error).code === 'MIGRATION_RUNNING' ? bulkFailures.running(id) : error
  }
}

/** Marks the bulk migration as under way, unless nothing of it is open. */
export async function beginBulk(store: MigrationStore, id: string): Promise<BulkRecord> {
  const record = await store.bulks.get(id)
  if (!record) throw bulkFailures.unknown(id)
  if (!isOpen(record)) return record
  const now = new Date().toISOString()
  const run = { startedAt: now, workDone: record.work.done }
  return store.bulks.update(id, { status: 'in_progress', startedAt: record.startedAt ?? now, endedAt: undefined, run })
}

/** After a cancellation nothing waits any more. A run that lost its lease or its store leaves all to whoever continues. */
async function interrupted(store: MigrationStore, id: string, signal: AbortSignal): Promise<never> {
  const error = abortError(signal)
  if (error.code === 'ABORTED' || error.code === 'TIMEOUT') {
    await store.bulks.update(id, { cancelRequested: true })
    await cancelWaiting(store, id)
    await finishBulk(store, id)
  }
  throw error
}
