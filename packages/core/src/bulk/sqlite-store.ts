import type { MigrationStatus } from '../record.ts'
import { decodeCursor, encodeCursor } from '../store/page.ts'
import type { SqliteDatabase } from '../store/sqlite-database.ts'
import { addDelta, changeItem, changeRecord, isExpected, limitOf, newBulk } from './change.ts'
import { bulkFailures } from './failures.ts'
import type { BulkItem, BulkRecord } from './record.ts'
import type {
  BulkChange, BulkItemChange, BulkItemExpectation, BulkItemQuery, BulkPage, BulkQuery, BulkStore, NewBulk, NewBulkItem,
} from './store.ts'

/** Bulk migrations in the SQLite file of the store that they belong to. */
export class SqliteBulkStore implements BulkStore {
  readonly #database: SqliteDatabase

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  async create(newRecord: NewBulk, newItems: readonly NewBulkItem[]): Promise<void> {
    const database = this.#database
    const { record, items } = newBulk(newRecord, newItems)
    const owner = record.owner ?? ''
    const key = record.idempotencyKey ?? null
    await database.write(() => {
      if (database.get('SELECT 1 FROM bulks WHERE id = ?', record.id)) throw bulkFailures.idTaken(record.id)
      if (key !== null && database.get('SELECT 1 FROM bulks WHERE started_by = ? AND idempotency_key = ?', owner, key)) {
        throw bulkFailures.idempotencyKeyTaken()
      }
      const { id, createdAt, endedAt = null, status } = record
      database.run('INSERT INTO bulks VALUES (?, ?, ?, ?, ?, ?, ?)', id, createdAt, endedAt, status, owner, key, JSON.stringify(record))
      for (const item of items) {
        database.run('INSERT INTO bulk_items VALUES (?, ?, ?, 0, ?)', id, item.index, item.status, JSON.stringify(item))
      }
    })
  }

  async get(id: string): Promise<BulkRecord | undefined> {
    const row = this.#database.get('SELECT record FROM bulks WHERE id = ?', id)
    return row && (JSON.parse(row['record'] as string) as BulkRecord)
  }

  async update(id: string, change: BulkChange): Promise<BulkRecord> {
    return this.#database.write(() => this.#save(changeRecord(this.#existing(id), change)))
  }

  async list({ status, startedBy, idempotencyKey, limit: asked, cursor }: BulkQuery): Promise<BulkPage> {
    const limit = limitOf(asked, 50, 500)
    const by = startedBy ?? (idempotencyKey === undefined ? undefined : '')
    const conditions: [string, unknown[]][] = []
    if (status !== undefined) conditions.push(['status = ?', [status]])
    if (by !== undefined) conditions.push(['started_by = ?', [by]])
    if (idempotencyKey !== undefined) conditions.push(['idempotency_key = ?', [idempotencyKey]])
    if (cursor !== undefined) {
      const mark = decodeCursor(cursor)
      conditions.push(['(created_at, id) < (?, ?)', [mark.createdAt, mark.id]])
    }
    const where = conditions.length ? `WHERE ${conditions.map(([sql]) => sql).join(' AND ')}` : ''
    const rows = this.#database.all(
      `SELECT record FROM bulks ${where} ORDER BY created_at DESC, id DESC LIMIT ${limit + 1}`,
      ...conditions.flatMap(([, values]) => values),
    )
    const items = rows.slice(0, limit).map((row) => JSON.parse(row['record'] as string) as BulkRecord)
    const last = items.at(-1)
    return last && rows.length > limit ? { items, cursor: encodeCursor(last) } : { items }
  }

  async items(id: string, { status, after = -1, changedAfter, limit }: BulkItemQuery = {}): Promise<BulkItem[]> {
    const rows = this.#database.all(
      `SELECT item FROM bulk_items WHERE bulk_id = ? AND item_index > ?
       ${status ? `AND status IN (${status.map(() => '?').join(', ')})` : ''}
       ${changedAfter === undefined ? 'ORDER BY item_index' : 'AND revision > ? ORDER BY revision'}
       LIMIT ${limitOf(limit, 100, 1000)}`,
      ...[id, after, ...(status ?? []), ...(changedAfter === undefined ? [] : [changedAfter])],
    )
    return rows.map((row) => JSON.parse(row['item'] as string) as BulkItem)
  }

  async item(id: string, index: number): Promise<BulkItem | undefined> {
    const row = this.#database.get('SELECT item FROM bulk_items WHERE bulk_id = ? AND item_index = ?', id, index)
    return row && (JSON.parse(row['item'] as string) as BulkItem)
  }

  async updateItem(id: string, index: number, change: BulkItemChange, expected?: BulkItemExpectation): Promise<boolean> {
    return this.#database.note(() => {
      const record = this.#existing(id)
      const row = this.#database.get('SELECT item FROM bulk_items WHERE bulk_id = ? AND item_index = ?', id, index)
      if (!row) throw bulkFailures.unknownItem(id, index)
      const item = JSON.parse(row['item'] as string) as BulkItem
      if (!isExpected(item, expected)) return false
      this.#save(this.#change(record, item, change))
      return true
    })
  }

  async updateItems(id: string, from: readonly MigrationStatus[], change: BulkItemChange): Promise<number> {
    return this.#database.write(() => {
      let record = this.#existing(id)
      const sql = `SELECT item FROM bulk_items WHERE bulk_id = ? AND status IN (${from.map(() => '?').join(', ')})`
      const rows = this.#database.all(sql, id, ...from)
      for (const row of rows) record = this.#change(record, JSON.parse(row['item'] as string) as BulkItem, change)
      if (rows.length) this.#save(record)
      return rows.length
    })
  }

  async prune(before: Date): Promise<number> {
    const database = this.#database
    return database.write(() => {
      database.run('DELETE FROM bulk_items WHERE bulk_id IN (SELECT id FROM bulks WHERE ended_at < ?)', before.toISOString())
      return database.run('DELETE FROM bulks WHERE ended_at < ?', before.toISOString())
    })
  }

  /** Writes the item's change; returns the record with the change taken into account, which the caller writes. */
  #change(record: BulkRecord, before: BulkItem, change: BulkItemChange): BulkRecord {
    const { item, delta } = changeItem(before, change, record.revision + 1)
    this.#database.run(
      'UPDATE bulk_items SET status = ?, revision = ?, item = ? WHERE bulk_id = ? AND item_index = ?',
      ...[item.status, item.revision, JSON.stringify(item), record.id, item.index],
    )
    return addDelta(record, delta)
  }

  #existing(id: string): BulkRecord {
    const row = this.#database.get('SELECT record FROM bulks WHERE id = ?', id)
    if (!row) throw bulkFailures.unknown(id)
    return JSON.parse(row['record'] as string) as BulkRecord
  }

  #save(record: BulkRecord): BulkRecord {
    const { id, status, endedAt = null } = record
    this.#database.run('UPDATE bulks SET status = ?, ended_at = ?, record = ? WHERE id = ?', status, endedAt, JSON.stringify(record), id)
    return record
  }
}
