import { SaddleError } from '@saddle/transport'
import { isFinal, type MigrationRecord } from '../record.ts'
import type { MigrationStore } from '../store/store.ts'
import { isOpen, type BulkItem, type BulkRecord } from './record.ts'
import type { BulkItemChange } from './store.ts'

/** What an item says once its migration has ended. */
export function outcome(record: MigrationRecord | undefined, thrown?: unknown): BulkItemChange {
  const ended = record && isFinal(record.status) ? record : undefined
  // A migration that could not even begin (a record that was refused, servers that differ) leaves no final record.
  const error = ended ? ended.error : SaddleError.from(thrown ?? 'The migration ended without a record.').toJSON()
  return {
    status: ended?.status ?? 'failed',
    endedAt: ended?.endedAt ?? new Date().toISOString(),
    error,
    ...(record ? { bytes: record.transferred.bytes, losses: record.losses.length, verifiedRefs: record.refs?.verified } : {}),
    ...(ended?.status === 'completed' ? { percentage: 100, stepsCompleted: ended.steps.length, step: undefined, message: 'Completed' } : {}),
    ...(error ? { message: error.message } : {}),
  }
}

/** Writes the outcome of an item's migration, unless a later attempt has begun. */
export async function settle(store: MigrationStore, bulkId: string, item: BulkItem, attempts: number, thrown?: unknown): Promise<void> {
  const record = await store.getMigration(item.migrationId)
  await store.bulks.updateItem(bulkId, item.index, outcome(record, thrown), { status: ['pending', 'in_progress'], attempts })
}

/** Ends the bulk migration when none of its repositories is open any more; returns it as it then is. */
export async function finishBulk(store: MigrationStore, id: string): Promise<BulkRecord | undefined> {
  const record = await store.bulks.get(id)
  if (!record || isFinal(record.status) || isOpen(record)) return record
  const { completed, total } = record.counts
  const status = completed === total ? 'completed' : record.cancelRequested ? 'cancelled' : 'failed'
  return store.bulks.update(id, { status, endedAt: new Date().toISOString() })
}

/** Marks what has not begun as cancelled; returns how many. */
export function cancelWaiting(store: MigrationStore, id: string): Promise<number> {
  const error = new SaddleError('ABORTED', 'The bulk migration was cancelled before this repository began.').toJSON()
  return store.bulks.updateItems(id, ['pending'], { status: 'cancelled', endedAt: new Date().toISOString(), error, message: error.message })
}
