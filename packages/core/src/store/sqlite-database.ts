import { SaddleError } from '@saddle/transport'
import type LibsqlDatabase from 'libsql'
import { storeFailures } from './failures.ts'
import { WalSync } from './wal-sync.ts'

type Row = Record<string, unknown>

/** Work that waits for a transaction. Run, it returns what tells its caller that it is done. */
interface Waiting {
  run: () => () => void
  reject: (error: unknown) => void
  /** Whether its caller is told only once it is on the disk. */
  durable: boolean
}

/** How {@link SqliteDatabase.open} opens the file. */
export interface SqliteDatabaseOptions {
  busyTimeoutMs: number
  maxBytes?: number | undefined
  /** The tables: SQL that is applied in order, each entry once in the life of the file. */
  schema: readonly string[]
}

/** One connection to the store's file: transactions, prepared statements, and errors that say what to do. */
export class SqliteDatabase {
  readonly #database: LibsqlDatabase.Database
  readonly #statements = new Map<string, LibsqlDatabase.Statement<unknown[]>>()
  /** Work for the next transaction. */
  readonly #waiting: Waiting[] = []
  #sync: WalSync | undefined
  readonly path: string
  closed = false

  private constructor(database: LibsqlDatabase.Database, path: string) {
    this.#database = database
    this.path = path
  }

  static async open(path: string, options: SqliteDatabaseOptions): Promise<SqliteDatabase> {
    const { default: Database } = await import('libsql').catch((cause: unknown) => {
      throw new SaddleError(
        'BACKEND_UNAVAILABLE',
        'The SQLite store needs the package libsql, which is not installed (or not for this platform). Install it: npm install libsql@0.5.29',
        { cause },
      )
    })
    let database: SqliteDatabase | undefined
    try {
      database = new SqliteDatabase(new Database(path, { timeout: options.busyTimeoutMs }), path)
      database.#prepareFile(options.schema, options.maxBytes)
      if (database.#isWal()) await database.#syncBeside()
      return database
    } catch (error) {
      database?.close()
      throw storeError(error, path)
    }
  }

  /** The first row, or undefined. */
  get(sql: string, ...values: unknown[]): Row | undefined {
    return this.#try(() => this.#statement(sql).get(...values) as Row | undefined)
  }

  all(sql: string, ...values: unknown[]): Row[] {
    return this.#try(() => this.#statement(sql).all(...values) as Row[])
  }

  /** Returns how many rows changed. */
  run(sql: string, ...values: unknown[]): number {
    return this.#try(() => this.#statement(sql).run(...values).changes)
  }

  /**
   * Runs the work in a transaction that holds the write lock from its beginning, so that what it read stays true; when that
   * is told to the caller, it is on the disk. What is asked for at the same time shares one transaction; work that fails is
   * undone alone.
   */
  write<T>(work: () => T): Promise<T> {
    return this.#soon(work, true)
  }

  /**
   * As {@link write}, without the wait for the disk: for what is noted on the way. It outlives the process; a loss of power
   * can take the last of it, never something in the middle.
   */
  note<T>(work: () => T): Promise<T> {
    return this.#soon(work, false)
  }

  #soon<T>(work: () => T, durable: boolean): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closed) return reject(storeFailures.closed())
      if (this.#waiting.length === 0) setImmediate(() => this.#writeWaiting())
      this.#waiting.push({
        durable,
        reject,
        run: () => {
          const result = work()
          return () => resolve(result)
        },
      })
    })
  }

  close(): void {
    if (this.closed) return
    this.#writeWaiting()
    this.closed = true
    this.#statements.clear()
    this.#database.close()
    this.#sync?.close()
  }

  #isWal(): boolean {
    return (this.#database.pragma('journal_mode') as { journal_mode: string }[])[0]?.journal_mode === 'wal'
  }

  /** From here on a commit leaves the wait for the disk to {@link WalSync}: in SQLite it would hold up the whole process. */
  async #syncBeside(): Promise<void> {
    this.#sync = await WalSync.open(this.path)
    this.#database.pragma('synchronous = NORMAL')
  }

  #prepareFile(schema: readonly string[], maxBytes: number | undefined): void {
    const database = this.#database
    // WAL lets readers go on while somebody writes; FULL makes a committed write survive a loss of power, as the tables have to.
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    if (maxBytes !== undefined) {
      const [{ page_size: pageSize } = { page_size: 4096 }] = database.pragma('page_size') as { page_size: number }[]
      database.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`)
    }
    this.#transaction(() => {
      database.exec('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)')
      const version = Number(this.get('SELECT version FROM schema_version')?.['version'] ?? 0)
      if (version > schema.length) {
        throw new SaddleError(
          'STORE_FAILED',
          `The store ${this.path} was written by a newer version of Saddle (schema ${version}, known ${schema.length}). Update Saddle, or use another file.`,
        )
      }
      if (version === schema.length) return
      for (const step of schema.slice(version)) database.exec(step)
      this.run('DELETE FROM schema_version')
      this.run('INSERT INTO schema_version VALUES (?)', schema.length)
    })
  }

  #writeWaiting(): void {
    const waiting = this.#waiting.splice(0)
    const done: { tell: () => void; work: Waiting }[] = []
    try {
      if (waiting.length === 0) return
      this.#try(() =>
        this.#transaction(() => {
          for (const work of waiting) {
            try {
              done.push({ work, tell: waiting.length === 1 ? work.run() : this.#undoable(work.run) })
            } catch (error) {
              // What is alone is undone with its transaction; and a full disk ends that by itself, for all.
              if (waiting.length === 1 || !this.#database.inTransaction) throw error
              done.push({ work, tell: () => work.reject(storeError(error, this.path)) })
            }
          }
        }),
      )
    } catch (error) {
      for (const { reject } of waiting) reject(error)
      return
    }
    const sync = this.#sync
    const waits = ({ work }: { work: Waiting }): boolean => sync !== undefined && work.durable
    for (const one of done) if (!waits(one)) one.tell()
    const durable = done.filter(waits)
    if (durable.length === 0) return
    sync?.wait().then(
      () => {
        for (const { tell } of durable) tell()
      },
      (error: unknown) => {
        for (const { work } of durable) work.reject(storeError(error, this.path))
      },
    )
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      // A full disk ends the transaction by itself; rolling back once more would hide the reason behind its own error
      // (which is what libsql's own `transaction` does).
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #undoable<T>(work: () => T): T {
    this.#database.exec('SAVEPOINT work')
    try {
      const result = work()
      this.#database.exec('RELEASE work')
      return result
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK TO work; RELEASE work')
      throw error
    }
  }

  #statement(sql: string): LibsqlDatabase.Statement<unknown[]> {
    // libsql goes on working on a closed database, so this has to be refused here.
    if (this.closed) throw storeFailures.closed()
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#database.prepare<unknown[]>(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #try<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw storeError(error, this.path)
    }
  }
}

function storeError(error: unknown, path: string): SaddleError {
  if (SaddleError.is(error)) return error
  const { code, message } = error as { code?: string; message?: string }
  const options = { cause: error }
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || /no space left|disk is full/i.test(message ?? '')) {
    return new SaddleError(
      'STORE_FULL',
      `There is no room left for the store ${path}. Make room on that disk and resume; nothing that was recorded is lost.`,
      options,
    )
  }
  if (code === 'SQLITE_BUSY' || code === 'SQLITE_LOCKED') {
    return new SaddleError('STORE_FAILED', `The store ${path} is locked by another process for too long. Try again.`, {
      ...options,
      retryable: true,
    })
  }
  if (code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT') {
    return new SaddleError('STORE_FAILED', `${path} is not a store of Saddle, or it is damaged. Use another file.`, options)
  }
  if (code === 'SQLITE_READONLY' || code === 'SQLITE_CANTOPEN' || /unable to open/i.test(message ?? '')) {
    return new SaddleError(
      'STORE_FAILED',
      `The store ${path} cannot be opened for writing. Check that its folder exists and may be written to.`,
      options,
    )
  }
  return new SaddleError('STORE_FAILED', `The store ${path} failed: ${message ?? String(error)}`, options)
}
