import type { BulkItem } from './record.ts'
import type { BulkItemQuery, BulkStore } from './store.ts'

const pageSize = 500

/** The repositories of a bulk migration in the order of work, read page by page; none for an unknown id. */
export async function* bulkItems(store: BulkStore, id: string, query: Pick<BulkItemQuery, 'status'> = {}): AsyncGenerator<BulkItem> {
  for (let after = -1; ; ) {
    const page = await store.items(id, { ...query, after, limit: pageSize })
    yield* page
    const last = page.at(-1)
    if (!last || page.length < pageSize) return
    after = last.index
  }
}
