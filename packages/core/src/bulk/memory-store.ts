import type { MigrationStatus } from '../record.ts'
import { decodeCursor, encodeCursor, newestFirst } from '../store/page.ts'
import { addDelta, changeItem, changeRecord, isExpected, limitOf, newBulk } from './change.ts'
import { bulkFailures } from './failures.ts'
import type { BulkItem, BulkRecord } from './record.ts'
import type { BulkChange, BulkItemChange, BulkItemExpectation, BulkItemQuery, BulkPage, BulkQuery, BulkStore, NewBulk, NewBulkItem } from './store.ts'

interface Entry {
  record: BulkRecord
  items: BulkItem[]
}

/** Bulk migrations in this process's memory, gone when it ends. */
export class MemoryBulkStore implements BulkStore {
  readonly #bulks = new Map<string, Entry>()
  readonly #check: () => void

  /** @param check - throws when the store cannot be used any more */
  constructor(check: () => void = () => {}) {
    this.#check = check
  }

  async create(newRecord: NewBulk, newItems: readonly NewBulkItem[]): Promise<void> {
    this.#check()
    const { id, owner, idempotencyKey: key } = newRecord
    if (this.#bulks.has(id)) throw bulkFailures.idTaken(id)
    const same = ({ record }: Entry) => record.owner === owner && record.idempotencyKey === key
    if (key !== undefined && [...this.#bulks.values()].some(same)) throw bulkFailures.idempotencyKeyTaken()
    this.#bulks.set(id, structuredClone(newBulk(newRecord, newItems)))
  }

  async get(id: string): Promise<BulkRecord | undefined> {
    this.#check()
    return structuredClone(this.#bulks.get(id)?.record)
  }

  async update(id: string, change: BulkChange): Promise<BulkRecord> {
    const entry = this.#entry(id)
    entry.record = structuredClone(changeRecord(entry.record, change))
    return structuredClone(entry.record)
  }

  async list(query: BulkQuery): Promise<BulkPage> {
    this.#check()
    const mark = query.cursor === undefined ? undefined : decodeCursor(query.cursor)
    const found = [...this.#bulks.values()]
      .map(({ record }) => record)
      .filter((record) => matches(record, query) && (mark === undefined || newestFirst(record, mark) > 0))
      .sort(newestFirst)
    const items = structuredClone(found.slice(0, limitOf(query.limit, 50, 500)))
    const last = items.at(-1)
    return last && found.length > items.length ? { items, cursor: encodeCursor(last) } : { items }
  }

  async items(id: string, { status, after = -1, changedAfter, limit }: BulkItemQuery = {}): Promise<BulkItem[]> {
    this.#check()
    const items = (this.#bulks.get(id)?.items ?? []).filter(
      (item) => item.index > after && isExpected(item, status ? { status } : {}) && (changedAfter === undefined || item.revision > changedAfter),
    )
    if (changedAfter !== undefined) items.sort((a, b) => a.revision - b.revision)
    return structuredClone(items.slice(0, limitOf(limit, 100, 1000)))
  }

  async item(id: string, index: number): Promise<BulkItem | undefined> {
    this.#check()
    return structuredClone(this.#bulks.get(id)?.items[index])
  }

  async updateItem(id: string, index: number, change: BulkItemChange, expected?: BulkItemExpectation): Promise<boolean> {
    const entry = this.#entry(id)
    const item = entry.items[index]
    if (!item) throw bulkFailures.unknownItem(id, index)
    if (!isExpected(item, expected)) return false
    this.#change(entry, [item], change)
    return true
  }

  async updateItems(id: string, from: readonly MigrationStatus[], change: BulkItemChange): Promise<number> {
    const entry = this.#entry(id)
    const items = entry.items.filter(({ status }) => from.includes(status))
    this.#change(entry, items, change)
    return items.length
  }

  async prune(before: Date): Promise<number> {
    this.#check()
    const old = [...this.#bulks.values()].filter(({ record }) => record.endedAt !== undefined && Date.parse(record.endedAt) < before.getTime())
    for (const { record } of old) this.#bulks.delete(record.id)
    return old.length
  }

  #change(entry: Entry, items: readonly BulkItem[], change: BulkItemChange): void {
    for (const item of items) {
      const changed = changeItem(item, structuredClone(change), entry.record.revision + 1)
      entry.items[item.index] = changed.item
      entry.record = addDelta(entry.record, changed.delta)
    }
  }

  #entry(id: string): Entry {
    this.#check()
    const entry = this.#bulks.get(id)
    if (!entry) throw bulkFailures.unknown(id)
    return entry
  }
}

function matches(record: BulkRecord, { status, startedBy, idempotencyKey }: BulkQuery): boolean {
  return (
    (status === undefined || record.status === status) &&
    (startedBy === undefined ? idempotencyKey === undefined || record.owner === undefined : record.owner === startedBy) &&
    (idempotencyKey === undefined || record.idempotencyKey === idempotencyKey)
  )
}
