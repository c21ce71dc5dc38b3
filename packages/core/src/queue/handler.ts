import { SaddleError } from '@saddle/transport'
import { beginBulk } from '../bulk/run.ts'
import { isOpen } from '../bulk/record.ts'
import { cancelWaiting, finishBulk, settle } from '../bulk/settle.ts'
import { workOnItem, type BulkParts } from '../bulk/work.ts'
import { isFinal } from '../record.ts'
import type { MigrationStore } from '../store/store.ts'
import type { JobHandler, JobResult } from './queue.ts'

/** What a worker needs to do jobs. */
export interface HandlerParts {
  store: MigrationStore
  /**
   * The engine for a job's credentials, on the same store. Throws when they are not to be had (any more): the job's
   * migration then fails with that error.
   */
  engineFor: (credentialRef: string | undefined) => Promise<BulkParts['engine']>
}

/** How soon to look again at a target that somebody else works on, in milliseconds. */
const lookAgainMs = 2000

/** Does the jobs of a queue: runs migrations, and repositories of bulk migrations, from where they stand in the store. */
export function migrationHandler({ store, engineFor }: HandlerParts): JobHandler {
  return async (job, { signal }) => {
    if (job.kind === 'migration') return runMigration(store, engineFor, job, signal)
    const bulk = await store.bulks.get(job.bulkId)
    if (!bulk || (isFinal(bulk.status) && !isOpen(bulk))) return 'done'
    if (bulk.cancelRequested) await cancelWaiting(store, bulk.id)
    const begun = bulk.status === 'in_progress' ? bulk : await beginBulk(store, bulk.id)
    const item = await store.bulks.item(bulk.id, job.index)
    if (item && !isFinal(item.status)) {
      const engine = await engineOrError(engineFor, job.credentialRef)
      if (SaddleError.is(engine)) await settle(store, bulk.id, item, item.attempts, engine)
      else if ((await workOnItem({ engine, store }, begun, job.index, signal)) === 'elsewhere') return again(signal)
    }
    await finishBulk(store, bulk.id)
    return 'done'
  }
}

async function runMigration(
  store: MigrationStore,
  engineFor: HandlerParts['engineFor'],
  { migrationId, credentialRef }: { migrationId: string; credentialRef?: string },
  signal: AbortSignal,
): Promise<JobResult> {
  const record = await store.getMigration(migrationId)
  if (!record || isFinal(record.status)) return 'done'
  try {
    const engine = await engineOrError(engineFor, credentialRef)
    if (SaddleError.is(engine)) throw engine
    await engine.run(migrationId, { signal })
    return 'done'
  } catch (thrown) {
    const error = SaddleError.from(thrown)
    if (error.code === 'MIGRATION_RUNNING' || error.code === 'LEASE_LOST') return again(signal)
    if (storeFailed(error)) throw error
    const current = await store.getMigration(migrationId)
    if (current && !isFinal(current.status)) {
      // It could not even begin: nobody but this job knows why.
      await store.updateMigration(migrationId, { status: 'failed', endedAt: new Date().toISOString(), error: error.toJSON() })
    }
    return 'done'
  }
}

/** A worker that is closing gives its jobs back at once. */
const again = (signal: AbortSignal): JobResult => ({ againInMs: signal.aborted ? 0 : lookAgainMs })

/** The engine for a job's credentials, or why there is none. A store that cannot be asked for them is no such reason. */
async function engineOrError(engineFor: HandlerParts['engineFor'], ref: string | undefined): Promise<BulkParts['engine'] | SaddleError> {
  try {
    return await engineFor(ref)
  } catch (thrown) {
    const error = SaddleError.from(thrown)
    if (storeFailed(error)) throw error
    return error
  }
}

const storeFailed = ({ code }: SaddleError): boolean => code === 'STORE_FAILED' || code === 'STORE_FULL'
