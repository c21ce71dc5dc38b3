import { sleep, throwIfAborted } from '@saddle/transport'
import { isFinal } from '../record.ts'
import { bulkFailures } from './failures.ts'
import type { BulkEvent } from './record.ts'
import type { BulkStore } from './store.ts'

/** Which events of a bulk migration to read. */
export interface BulkEventQuery {
  /** Only what changed after that `seq`; by default everything that ever changed. */
  after?: number | undefined
  /** Wait for more until the bulk migration has ended, whichever process runs it. */
  follow?: boolean | undefined
  signal?: AbortSignal | undefined
  /** How often to look, in milliseconds. */
  pollMs?: number | undefined
}

const pageSize = 500

/**
 * The changes of a bulk migration, oldest first: the items that changed, then the record with its counts. The store's
 * revisions are the log: an item that changed several times since is seen once, as it is now, so following costs nothing
 * that grows, and whoever was away continues where he was.
 *
 * @throws SaddleError `NOT_FOUND`; `ABORTED` when the signal fires
 */
export async function* followBulk(store: BulkStore, bulkId: string, query: BulkEventQuery = {}): AsyncGenerator<BulkEvent> {
  const { follow = false, signal, pollMs = 250 } = query
  let after = query.after ?? 0
  for (;;) {
    throwIfAborted(signal)
    const bulk = await store.get(bulkId)
    if (!bulk) throw bulkFailures.unknown(bulkId)
    while (after < bulk.revision) {
      const page = await store.items(bulkId, { changedAfter: after, limit: pageSize })
      // What changed after the record was read comes with the next record, which counts it.
      const items = page.filter(({ revision }) => revision <= bulk.revision)
      for (const item of items) yield { bulkId, seq: item.revision, type: 'bulk-item', item }
      after = items.at(-1)?.revision ?? after
      if (items.length === pageSize) continue
      after = bulk.revision
      yield { bulkId, seq: after, type: 'bulk-status', bulk }
    }
    if (!follow || isFinal(bulk.status)) return
    await sleep(pollMs, signal).catch(() => undefined)
  }
}
