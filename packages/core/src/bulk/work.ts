import { SaddleError } from '@saddle/transport'
import type { MigrationEngine } from '../engine.ts'
import type { ProgressEvent } from '../events.ts'
import { isFinal } from '../record.ts'
import { emptySnapshot, reduce, type MigrationSnapshot } from '../snapshot.ts'
import type { MigrationStore } from '../store/store.ts'
import type { BulkItem, BulkRecord } from './record.ts'
import { settle } from './settle.ts'
import type { BulkItemChange } from './store.ts'

/** What work on a bulk migration's repositories needs. */
export interface BulkParts {
  engine: Pick<MigrationEngine, 'create' | 'run' | 'resume' | 'cancel' | 'on' | 'off'>
  store: MigrationStore
}

/** What became of an attempt: the item has an outcome, or somebody else works on its target, or is to (look again later). */
export type WorkResult = 'ended' | 'elsewhere'

/**
 * Reason of an abort that means "let others continue" rather than "cancel": the run stops as if another process had taken
 * its lease, and leaves everything as it is.
 */
export const handover = (): SaddleError =>
  new SaddleError('LEASE_LOST', 'This process stops and leaves its work to others.')

/** At most one write of an item's progress in this time, in milliseconds. */
const progressEveryMs = 1000

/**
 * Works on one repository of a bulk migration until it has an outcome. Whatever happened before (an attempt that died
 * at any point, a migration that ended with nobody left to say so) is looked up, not guessed. One that is completed is
 * not touched again.
 *
 * @throws SaddleError when the store fails; a migration's failure is the item's outcome
 */
export async function workOnItem({ engine, store }: BulkParts, bulk: BulkRecord, index: number, signal?: AbortSignal): Promise<WorkResult> {
  const item = await store.bulks.item(bulk.id, index)
  if (!item || isFinal(item.status)) return 'ended'
  const known = await store.getMigration(item.migrationId)
  if (known && isFinal(known.status) && (known.status === 'completed' || endedSince(item, known.endedAt))) {
    await settle(store, bulk.id, item, item.attempts)
    return 'ended'
  }
  const attempts = item.attempts + 1
  const claim: BulkItemChange = { status: 'in_progress', attempts, startedAt: new Date().toISOString(), endedAt: undefined, error: undefined }
  if (!(await store.bulks.updateItem(bulk.id, index, claim, { status: [item.status], attempts: item.attempts }))) return 'elsewhere'
  const progress = new ItemProgress(store, bulk.id, item, attempts)
  engine.on('progress', progress.listener)
  try {
    if (!known) {
      await create(engine, store, bulk, item)
      // Whoever cancelled the bulk migration in between saw no migration to cancel.
      if ((await store.bulks.get(bulk.id))?.cancelRequested) await engine.cancel(item.migrationId)
    }
    // A pending item with a record is one to be tried again, also when it was cancelled before; one whose migration ended
    // before the attempt began is one that somebody died over who was about to.
    const again = known && (item.status === 'pending' || isFinal(known.status))
    await (again ? engine.resume(item.migrationId, { signal }) : engine.run(item.migrationId, { signal }))
    await progress.stop()
    await settle(store, bulk.id, item, attempts)
    return 'ended'
  } catch (thrown) {
    await progress.stop()
    const error = SaddleError.from(thrown)
    if (error.code === 'MIGRATION_RUNNING' || error.code === 'LEASE_LOST') return 'elsewhere'
    if (error.code === 'STORE_FAILED' || error.code === 'STORE_FULL') throw error
    await settle(store, bulk.id, item, attempts, error)
    return 'ended'
  } finally {
    engine.off('progress', progress.listener)
  }
}

/** Whether the migration's end came after the attempt's beginning, so that it is this attempt's outcome. */
const endedSince = ({ status, startedAt }: BulkItem, endedAt: string | undefined): boolean =>
  status === 'in_progress' && startedAt !== undefined && endedAt !== undefined && endedAt >= startedAt

async function create(engine: BulkParts['engine'], store: MigrationStore, bulk: BulkRecord, item: BulkItem): Promise<void> {
  try {
    await engine.create(item.request, { id: item.migrationId, bulkId: bulk.id, owner: bulk.owner })
  } catch (error) {
    // Another process that took the same item was faster.
    if (SaddleError.from(error).code !== 'CONFLICT' || !(await store.getMigration(item.migrationId))) throw error
  }
}

/** Writes an item's progress as its migration reports it, not more often than is worth a write. */
class ItemProgress {
  #snapshot: MigrationSnapshot = emptySnapshot()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<unknown> = Promise.resolve()
  #lastWrite = 0

  constructor(readonly store: MigrationStore, readonly bulkId: string, readonly item: BulkItem, readonly attempts: number) {}

  readonly listener = (event: ProgressEvent): void => {
    if (event.migrationId !== this.item.migrationId) return
    this.#snapshot = reduce(this.#snapshot, event)
    this.#timer ??= setTimeout(() => this.#write(), Math.max(0, this.#lastWrite + progressEveryMs - Date.now()))
  }

  /** Writes nothing any more. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#writing
  }

  #write(): void {
    const { percentage, step, stepsCompleted, message, bytes } = this.#snapshot
    this.#timer = undefined
    this.#lastWrite = Date.now()
    const change = { percentage, step, stepsCompleted, message, bytes }
    const expected = { status: ['in_progress'], attempts: this.attempts } as const
    // The run itself notices a store that fails; a line of progress that is lost is made up by the next.
    this.#writing = this.store.bulks.updateItem(this.bulkId, this.item.index, change, expected).catch(() => undefined)
  }
}
