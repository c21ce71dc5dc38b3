import { SaddleError } from '@saddle/transport'
import type { ProgressEvent } from '../events.ts'
import { isFinal, type MigrationStatus } from '../record.ts'
import { storeFailures } from './failures.ts'
import type { EventQuery } from './store.ts'
import type { Watch } from './watch.ts'

/** What {@link readEvents} needs of a store. */
export interface EventLog {
  /** Undefined for an unknown migration. */
  status(): Promise<MigrationStatus | undefined>
  /** The next events after that number, at most about a thousand. */
  read(after: number): Promise<ProgressEvent[]>
  /** Starts to watch the migration for changes. */
  watch(): Watch
  /** How long to wait for a change before looking anyway, for stores that other processes write to. */
  pollMs?: number
  /** Whether the store was closed, which ends all following. */
  closed(): boolean
}

/**
 * Reads a migration's events, and follows them when asked to. The status is read before the events: a final status is
 * written after the last event, so nothing can be missed.
 */
export async function* readEvents(id: string, log: EventLog, query: EventQuery = {}): AsyncGenerator<ProgressEvent> {
  const { follow = false, signal } = query
  let after = query.after ?? 0
  const watch = log.watch()
  try {
    for (;;) {
      if (signal?.aborted) throw new SaddleError('ABORTED', 'Reading the events was cancelled.', { cause: signal.reason })
      const status = log.closed() ? undefined : await log.status()
      // Closing can come in between.
      if (log.closed()) return
      if (status === undefined) throw storeFailures.unknownMigration(id)
      const events = await log.read(after)
      for (const event of events) {
        yield event
        after = event.seq
      }
      if (events.length > 0) continue
      if (!follow || isFinal(status)) return
      await watch.change({ signal, timeoutMs: log.pollMs })
    }
  } finally {
    watch.close()
  }
}
