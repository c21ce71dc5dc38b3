import { open } from 'node:fs/promises'
import { SaddleError } from '@saddle/transport'
import { SqliteDatabase } from '../store/sqlite-database.ts'
import type { SessionStore } from './store.ts'

/** Options of {@link SqliteSessionStore.open}. */
export interface SqliteSessionStoreOptions {
  /** The file; made when it does not exist, readable by its owner only. Its folder must exist. Not the migrations' file. */
  path: string
  /** How long a write waits for another process that is writing. 5 seconds by default. */
  busyTimeoutMs?: number
}

const schema = [
  `
  CREATE TABLE sessions (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX sessions_expiry ON sessions (expires_at);
  `,
]

/** How often expired entries are removed, in writes. */
const sweepEvery = 128

/** Sessions in a SQLite file: they outlive a restart. Needs the package `libsql`, loaded when the store is opened. */
export class SqliteSessionStore implements SessionStore {
  readonly #database: SqliteDatabase
  #writes = 0

  private constructor(database: SqliteDatabase) {
    this.#database = database
  }

  /**
   * Opens the file, making its table.
   *
   * @throws SaddleError `BACKEND_UNAVAILABLE` without libsql, `STORE_FAILED` when the file cannot be used
   */
  static async open({ path, busyTimeoutMs = 5000 }: SqliteSessionStoreOptions): Promise<SqliteSessionStore> {
    if (path !== ':memory:') await makePrivate(path)
    const store = new SqliteSessionStore(await SqliteDatabase.open(path, { busyTimeoutMs, schema }))
    store.#sweep()
    return store
  }

  async get(key: string): Promise<string | undefined> {
    return this.#read(key)
  }

  async set(key: string, value: string, expiresAt: number): Promise<void> {
    await this.#database.write(() => this.#write(key, value, expiresAt))
  }

  async replace(key: string, expected: string | undefined, value: string, expiresAt: number): Promise<boolean> {
    return this.#database.write(() => {
      if (this.#read(key) !== expected) return false
      this.#write(key, value, expiresAt)
      return true
    })
  }

  async take(key: string): Promise<string | undefined> {
    const row = await this.#database.write(() => this.#database.get('DELETE FROM sessions WHERE key = ? RETURNING value, expires_at', key))
    return row && Number(row['expires_at']) > Date.now() ? (row['value'] as string) : undefined
  }

  async rotate(from: string, to: string, value: string, expiresAt: number): Promise<boolean> {
    return this.#database.write(() => {
      if (this.#read(from) === undefined) return false
      this.#database.run('DELETE FROM sessions WHERE key = ?', from)
      this.#write(to, value, expiresAt)
      return true
    })
  }

  async delete(key: string): Promise<boolean> {
    return (await this.take(key)) !== undefined
  }

  async ping(): Promise<void> {
    this.#database.get('SELECT 1')
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #read(key: string): string | undefined {
    const row = this.#database.get('SELECT value FROM sessions WHERE key = ? AND expires_at > ?', key, Date.now())
    return row?.['value'] as string | undefined
  }

  #write(key: string, value: string, expiresAt: number): void {
    this.#database.run(
      `INSERT INTO sessions VALUES (?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
      key,
      value,
      expiresAt,
    )
    if (++this.#writes % sweepEvery === 0) this.#sweep()
  }

  #sweep(): void {
    this.#database.run('DELETE FROM sessions WHERE expires_at <= ?', Date.now())
  }
}

/** SQLite would make the file readable by everybody; its companions take over the mode. */
async function makePrivate(path: string): Promise<void> {
  try {
    await (await open(path, 'a', 0o600)).close()
  } catch (cause) {
    throw new SaddleError('STORE_FAILED', `The session store ${path} cannot be opened for writing. Check that its folder exists and may be written to.`, { cause })
  }
}
