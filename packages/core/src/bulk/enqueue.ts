import type { MigrationStore } from '../store/store.ts'
import type { JobQueue } from '../queue/queue.ts'
import { bulkFailures } from './failures.ts'

const pageSize = 500

/**
 * Hands the open repositories of a bulk migration to a queue's workers; returns how many. Harmless when some of them are
 * in the queue already, so it is also how a bulk migration goes on whose queue was lost.
 *
 * @throws SaddleError `NOT_FOUND`
 */
export async function enqueueBulk(queue: JobQueue, store: MigrationStore, bulkId: string): Promise<number> {
  const bulk = await store.bulks.get(bulkId)
  if (!bulk) throw bulkFailures.unknown(bulkId)
  const { credentialRef } = bulk
  let count = 0
  for (let after = -1; ; ) {
    const page = await store.bulks.items(bulkId, { status: ['in_progress', 'pending'], after, limit: pageSize })
    await queue.enqueue(
      page.map(({ index }) => ({ kind: 'bulk-item', bulkId, index, ...(credentialRef === undefined ? {} : { credentialRef }) })),
    )
    count += page.length
    const last = page.at(-1)
    if (!last || page.length < pageSize) return count
    after = last.index
  }
}
