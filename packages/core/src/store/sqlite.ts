/**
 * A store in a file, for one machine. Needs the package `libsql`.
 *
 * @module @saddle/core/store/sqlite
 */
import { SqliteBulkStore } from '../bulk/sqlite-store.ts'
import type { ProgressEvent } from '../events.ts'
import { isFinal, type MigrationChange, type MigrationRecord, type MigrationStatus } from '../record.ts'
import { storeFailures } from './failures.ts'
import { readEvents } from './follow.ts'
import { conditions, decodeCursor, encodeCursor, pageLimit, searchFields } from './page.ts'
import { SqliteDatabase } from './sqlite-database.ts'
import { columns, schemaSteps } from './sqlite-schema.ts'
import type {
  EventQuery, Fence, JournalEntry, Lease, MigrationPage, MigrationQuery, MigrationStore,
} from './store.ts'
import { Watches } from './watch.ts'

/** Options of {@link SqliteStore.open}. */
export interface SqliteStoreOptions {
  /** The file; made when it does not exist. Its folder must. */
  path: string
  /** How long a write waits for another process that is writing. 5 seconds by default. */
  busyTimeoutMs?: number
  /** How large the file may become; writes beyond fail with `STORE_FULL`. Unlimited by default. */
  maxBytes?: number
}

/** How soon events that another process wrote are seen. */
const pollMs = 100

/**
 * Remembers migrations in a SQLite file, which several processes of one machine may use at once. Needs the package
 * `libsql`, which is loaded when the store is opened.
 *
 * @example
 * ```ts
 * import { MigrationEngine, SqliteStore } from '@saddle/core'
 *
 * const store = await SqliteStore.open({ path: 'saddle.db' })
 * const engine = new MigrationEngine({ bitbucket, github, store })
 * for (const { id, status } of (await engine.history({ limit: 10 })).items) console.log(id, status)
 * await store.close()
 * ```
 */
export class SqliteStore implements MigrationStore {
  readonly bulks: SqliteBulkStore
  readonly #database: SqliteDatabase
  readonly #watches = new Watches()

  private constructor(database: SqliteDatabase) {
    this.#database = database
    this.bulks = new SqliteBulkStore(database)
  }

  /**
   * Opens the file, making or updating its tables.
   *
   * @throws SaddleError `BACKEND_UNAVAILABLE` without libsql, `STORE_FAILED` when the file cannot be used
   */
  static async open({ path, busyTimeoutMs = 5000, maxBytes }: SqliteStoreOptions): Promise<SqliteStore> {
    return new SqliteStore(await SqliteDatabase.open(path, { busyTimeoutMs, maxBytes, schema: schemaSteps }))
  }

  async createMigration(record: MigrationRecord): Promise<void> {
    const database = this.#database
    const fields = searchFields(record)
    await database.write(() => {
      if (database.get('SELECT 1 FROM migrations WHERE id = ?', record.id)) throw storeFailures.idTaken(record.id)
      if (fields.idempotencyKey !== null) {
        const sql = 'SELECT 1 FROM migrations WHERE started_by = ? AND idempotency_key = ?'
        if (database.get(sql, fields.startedBy, fields.idempotencyKey)) throw storeFailures.idempotencyKeyTaken()
      }
      const names = [...Object.values(columns), 'id', 'created_at', 'ended_at', 'record']
      database.run(
        `INSERT INTO migrations (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
        ...Object.keys(columns).map((name) => fields[name as keyof typeof columns]),
        record.id,
        record.createdAt,
        record.endedAt ?? null,
        JSON.stringify(record),
      )
    })
  }

  async getMigration(id: string): Promise<MigrationRecord | undefined> {
    return this.#read(id)
  }

  async updateMigration(id: string, change: MigrationChange, fence?: Fence): Promise<void> {
    const isEnd = change.status !== undefined && isFinal(change.status)
    await this.#database[isEnd ? 'write' : 'note'](() => {
      this.#guard(fence)
      const record = this.#read(id)
      if (!record) throw storeFailures.unknownMigration(id)
      const changed: MigrationRecord = { ...record, ...(change as Partial<MigrationRecord>), updatedAt: new Date().toISOString() }
      this.#database.run(
        'UPDATE migrations SET status = ?, ended_at = ?, record = ? WHERE id = ?',
        changed.status,
        changed.endedAt ?? null,
        JSON.stringify(changed),
        id,
      )
    })
    this.#watches.changed(id)
  }

  async listMigrations(query: MigrationQuery): Promise<MigrationPage> {
    const limit = pageLimit(query)
    const wanted = conditions(query)
    const where = wanted.map(([field]) => `${columns[field]} = ?`)
    const values = wanted.map(([, value]) => value)
    if (query.cursor !== undefined) {
      const mark = decodeCursor(query.cursor)
      where.push('(created_at, id) < (?, ?)')
      values.push(mark.createdAt, mark.id)
    }
    const rows = this.#database.all(
      `SELECT record FROM migrations ${where.length ? `WHERE ${where.join(' AND ')}` : ''}
       ORDER BY created_at DESC, id DESC LIMIT ${limit + 1}`,
      ...values,
    )
    const items = rows.slice(0, limit).map((row) => JSON.parse(row['record'] as string) as MigrationRecord)
    const last = items.at(-1)
    return last && rows.length > limit ? { items, cursor: encodeCursor(last) } : { items }
  }

  async appendEvents(id: string, events: readonly ProgressEvent[], fence?: Fence): Promise<void> {
    const database = this.#database
    await database.note(() => {
      this.#guard(fence)
      if (!this.#status(id)) throw storeFailures.unknownMigration(id)
      let expected = Number(database.get('SELECT max(seq) AS last FROM events WHERE migration_id = ?', id)?.['last'] ?? 0) + 1
      for (const event of events) {
        if (event.seq !== expected) throw storeFailures.eventOutOfOrder(id, expected, event.seq)
        database.run('INSERT INTO events VALUES (?, ?, ?)', id, event.seq, JSON.stringify(event))
        expected++
      }
    })
    this.#watches.changed(id)
  }

  events(id: string, query: EventQuery = {}): AsyncIterable<ProgressEvent> {
    const database = this.#database
    if (database.closed) throw storeFailures.closed()
    return readEvents(
      id,
      {
        status: async () => this.#status(id),
        read: async (after) =>
          database
            .all('SELECT event FROM events WHERE migration_id = ? AND seq > ? ORDER BY seq LIMIT 500', id, after)
            .map((row) => JSON.parse(row['event'] as string) as ProgressEvent),
        watch: () => this.#watches.watch(id),
        pollMs,
        closed: () => database.closed,
      },
      query,
    )
  }

  async appendJournal(id: string, entry: JournalEntry, fence?: Fence): Promise<void> {
    await this.#database.note(() => {
      this.#guard(fence)
      if (!this.#status(id)) throw storeFailures.unknownMigration(id)
      this.#database.run('INSERT INTO journal (migration_id, entry) VALUES (?, ?)', id, JSON.stringify(entry))
    })
  }

  async journal(id: string): Promise<JournalEntry[]> {
    return this.#database
      .all('SELECT entry FROM journal WHERE migration_id = ? ORDER BY id', id)
      .map((row) => JSON.parse(row['entry'] as string) as JournalEntry)
  }

  async acquireLease(key: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    const database = this.#database
    const now = Date.now()
    const fence = await database.note(() => {
      const row = database.get('SELECT fence, expires_at FROM leases WHERE key = ?', key)
      if (row && Number(row['expires_at']) > now) return undefined
      // The row stays after a release, for its fence must never be handed out again.
      const next = Number(row?.['fence'] ?? 0) + 1
      database.run('INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)', key, next, holder, now + ttlMs)
      return next
    })
    return fence === undefined ? undefined : { key, holder, fence, expiresAt: new Date(now + ttlMs).toISOString() }
  }

  async getLease(key: string): Promise<Lease | undefined> {
    const row = this.#database.get('SELECT fence, holder, expires_at FROM leases WHERE key = ? AND expires_at > ?', key, Date.now())
    if (!row) return undefined
    const expiresAt = new Date(Number(row['expires_at'])).toISOString()
    return { key, holder: row['holder'] as string, fence: Number(row['fence']), expiresAt }
  }

  async renewLease(lease: Lease, ttlMs: number): Promise<boolean> {
    // Zero means released; an expired lease that nobody took is still ours.
    const sql = 'UPDATE leases SET expires_at = ? WHERE key = ? AND fence = ? AND expires_at > 0'
    return this.#database.run(sql, Date.now() + ttlMs, lease.key, lease.fence) > 0
  }

  async releaseLease(lease: Lease): Promise<void> {
    this.#database.run('UPDATE leases SET expires_at = 0 WHERE key = ? AND fence = ?', lease.key, lease.fence)
  }

  async prune(before: Date): Promise<number> {
    await this.bulks.prune(before)
    const database = this.#database
    const old = "status IN ('completed', 'failed', 'cancelled') AND ended_at < ?"
    return database.write(() => {
      for (const table of ['events', 'journal']) {
        database.run(
          `DELETE FROM ${table} WHERE migration_id IN (SELECT id FROM migrations WHERE ${old})`,
          before.toISOString(),
        )
      }
      return database.run(`DELETE FROM migrations WHERE ${old}`, before.toISOString())
    })
  }

  async close(): Promise<void> {
    this.#database.close()
    this.#watches.changedAll()
  }

  #read(id: string): MigrationRecord | undefined {
    const row = this.#database.get('SELECT record FROM migrations WHERE id = ?', id)
    return row && (JSON.parse(row['record'] as string) as MigrationRecord)
  }

  #status(id: string): MigrationStatus | undefined {
    return this.#database.get('SELECT status FROM migrations WHERE id = ?', id)?.['status'] as MigrationStatus | undefined
  }

  #guard(fence: Fence | undefined): void {
    if (!fence) return
    const newest = Number(this.#database.get('SELECT fence FROM leases WHERE key = ?', fence.key)?.['fence'] ?? 0)
    if (newest > fence.fence) throw storeFailures.leaseLost(fence.key)
  }
}
