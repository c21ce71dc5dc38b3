import {
  isFinal,
  type EventQuery, type Fence, type JournalEntry, type Lease, type MigrationChange, type MigrationPage, type MigrationQuery,
  type MigrationRecord, type MigrationStatus, type MigrationStore, type ProgressEvent,
} from '@saddle/core'
import { conditions, decodeCursor, encodeCursor, pageLimit, readEvents, searchFields, storeFailures, withChange } from '@saddle/core/store/kit'
import { RedisConnection, type RedisOptions } from '../connection.ts'
import { RedisBulkStore } from './bulk-store.ts'
import { idIn, memberOf, MigrationKeys } from './migration-keys.ts'
import * as scripts from './scripts.ts'
import { StreamHub } from './stream-hub.ts'

/** How soon a follower looks by itself, in milliseconds; usually it is told at once. */
const pollMs = 500

/** Remembers migrations in Redis, for any number of processes on any number of machines. */
export class RedisStore implements MigrationStore {
  readonly bulks: RedisBulkStore
  readonly #connection: RedisConnection
  readonly #keys: MigrationKeys
  readonly #hub: StreamHub
  readonly #ownsConnection: boolean
  #closed = false

  /** @param connection - shared with others; it is not closed with the store */
  constructor(connection: RedisConnection, ownsConnection = false) {
    this.#connection = connection
    this.#ownsConnection = ownsConnection
    this.#keys = new MigrationKeys(connection)
    this.#hub = new StreamHub(connection)
    this.bulks = new RedisBulkStore(connection, () => this.#check())
  }

  /**
   * Connects to a Redis server.
   *
   * @throws SaddleError as {@link RedisConnection.open}
   */
  static async open(options: RedisOptions): Promise<RedisStore> {
    return new RedisStore(await RedisConnection.open(options), true)
  }

  async createMigration(record: MigrationRecord): Promise<void> {
    this.#check()
    const { id, status } = record
    const key = this.#keys.record(id)
    const unique = this.#keys.unique(record)
    const indexes = this.#keys.indexes(record)
    const answer = await this.#connection.write(
      scripts.createMigration,
      [key, unique ?? key, this.#keys.ended, ...indexes],
      [JSON.stringify(record), status, memberOf(record), this.#noteOf(record), endOf(record), id],
    )
    if (answer === 'ID') throw storeFailures.idTaken(id)
    if (answer === 'KEY') throw storeFailures.idempotencyKeyTaken()
  }

  async getMigration(id: string): Promise<MigrationRecord | undefined> {
    this.#check()
    const text = await this.#connection.read((redis) => redis.hget(this.#keys.record(id), 'record'))
    return text === null ? undefined : (JSON.parse(text) as MigrationRecord)
  }

  async updateMigration(id: string, change: MigrationChange, fence?: Fence): Promise<void> {
    this.#check()
    const key = this.#keys.record(id)
    for (;;) {
      const text = await this.#connection.read((redis) => redis.hget(key, 'record'))
      const before = text === null ? undefined : (JSON.parse(text) as MigrationRecord)
      const after = before && withChange<MigrationRecord>(before, { ...change, updatedAt: new Date().toISOString() })
      const statuses = [before, after].map((record) => this.#keys.index('status', record?.status ?? 'pending'))
      const answer = await this.#connection.write(
        scripts.updateMigration,
        [key, this.#leaseKey(fence), this.#keys.ended, ...statuses],
        [
          fence?.fence ?? '', text ?? '', after ? JSON.stringify(after) : '', after?.status ?? '', after ? memberOf(after) : '',
          after ? endOf(after) : '', id, after ? this.#noteOf(after) : '',
        ],
      )
      // Somebody else changed the record in between: look again.
      if (answer !== 'RACE') return refuse(answer, id, fence)
    }
  }

  async listMigrations(query: MigrationQuery): Promise<MigrationPage> {
    this.#check()
    const limit = pageLimit(query)
    const found: MigrationRecord[] = []
    for await (const record of this.#candidates(query)) {
      found.push(record)
      if (found.length > limit) break
    }
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return last && found.length > limit ? { items, cursor: encodeCursor(last) } : { items }
  }

  async appendEvents(id: string, events: readonly ProgressEvent[], fence?: Fence): Promise<void> {
    this.#check()
    const answer = await this.#connection.write(
      scripts.appendEvents,
      [this.#keys.record(id), this.#leaseKey(fence), this.#keys.stream(id)],
      [fence?.fence ?? '', ...events.flatMap((event) => [event.seq, JSON.stringify(event)])],
    )
    const [, expected, got] = /^SEQ (\d+) (\d+)$/.exec(answer) ?? []
    if (expected !== undefined) throw storeFailures.eventOutOfOrder(id, Number(expected), Number(got))
    refuse(answer, id, fence)
  }

  events(id: string, query: EventQuery = {}): AsyncIterable<ProgressEvent> {
    this.#check()
    const stream = this.#keys.stream(id)
    return readEvents(
      id,
      {
        status: async () => {
          const status = await this.#connection.read((redis) => redis.hget(this.#keys.record(id), 'status'))
          return (status ?? undefined) as MigrationStatus | undefined
        },
        read: async (after) => {
          const entries = await this.#connection.read((redis) => redis.xrange(stream, `(${after}-0`, '+', 'COUNT', 500))
          return entries.map(([, [, event]]) => JSON.parse(event!) as ProgressEvent)
        },
        watch: () => this.#hub.watch(stream),
        pollMs,
        closed: () => this.#closed,
      },
      query,
    )
  }

  async appendJournal(id: string, entry: JournalEntry, fence?: Fence): Promise<void> {
    this.#check()
    const keys = [this.#keys.record(id), this.#leaseKey(fence), this.#keys.journal(id)]
    refuse(await this.#connection.write(scripts.appendJournal, keys, [fence?.fence ?? '', JSON.stringify(entry)]), id, fence)
  }

  async journal(id: string): Promise<JournalEntry[]> {
    this.#check()
    const entries = await this.#connection.read((redis) => redis.lrange(this.#keys.journal(id), 0, -1))
    return entries.map((entry) => JSON.parse(entry) as JournalEntry)
  }

  async acquireLease(key: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    this.#check()
    const keys = [this.#keys.lease(key), this.#connection.key('fence')]
    const answer = await this.#connection.write(scripts.acquireLease, keys, [holder, ttlMs])
    if (answer === 'HELD') return undefined
    const [fence, expires] = answer.split(' ').map(Number)
    return { key, holder, fence: fence!, expiresAt: new Date(expires!).toISOString() }
  }

  async getLease(key: string): Promise<Lease | undefined> {
    this.#check()
    const answer = await this.#connection.query(scripts.getLease, [this.#keys.lease(key)], [])
    const [, fence, expires, holder] = /^(\d+) (\d+) (.*)$/s.exec(answer) ?? []
    return fence === undefined ? undefined : { key, holder: holder!, fence: Number(fence), expiresAt: new Date(Number(expires)).toISOString() }
  }

  async renewLease(lease: Lease, ttlMs: number): Promise<boolean> {
    this.#check()
    return (await this.#connection.write(scripts.renewLease, [this.#keys.lease(lease.key)], [lease.fence, ttlMs])) === 'OK'
  }

  async releaseLease(lease: Lease): Promise<void> {
    this.#check()
    await this.#connection.write(scripts.releaseLease, [this.#keys.lease(lease.key)], [lease.fence])
  }

  async prune(before: Date): Promise<number> {
    this.#check()
    await this.bulks.prune(before)
    let count = 0
    for (;;) {
      const ids = await this.#connection.read((redis) => redis.zrange(this.#keys.ended, '-inf', `(${before.getTime()}`, 'BYSCORE', 'LIMIT', 0, 200))
      let forgotten = 0
      for (const id of ids) {
        const record = await this.getMigration(id)
        const keys = [this.#keys.record(id), this.#keys.stream(id), this.#keys.journal(id), this.#keys.ended]
        const answer = await this.#connection.write(scripts.forgetMigration, keys, [id, record ? memberOf(record) : '', before.getTime()])
        if (answer === 'OK') forgotten++
      }
      count += forgotten
      if (forgotten === 0) return count
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#hub.close()
    if (this.#ownsConnection) this.#connection.close()
  }

  /** The records of a query, newest first, as many as are asked for. */
  async *#candidates(query: MigrationQuery): AsyncGenerator<MigrationRecord> {
    const wanted = conditions(query)
    const matches = (record: MigrationRecord) => {
      const fields = searchFields(record)
      return wanted.every(([field, value]) => fields[field] === value)
    }
    const mark = query.cursor === undefined ? undefined : decodeCursor(query.cursor)
    if (query.idempotencyKey !== undefined && mark === undefined) {
      const { startedBy, idempotencyKey } = query
      const unique = this.#keys.unique({ idempotencyKey, ...(startedBy === undefined ? {} : { owner: startedBy }) })!
      const id = await this.#connection.read((redis) => redis.get(unique))
      const record = id === null ? undefined : await this.getMigration(id)
      if (record && matches(record)) yield record
      return
    }
    const list = this.#keys.listFor(query)
    const chunk = Math.min(200, pageLimit(query) + 1)
    for (let from = mark ? `(${memberOf(mark)}` : '+'; ; ) {
      const members = await this.#connection.read((redis) => redis.zrevrangebylex(list, from, '-', 'LIMIT', 0, chunk))
      if (members.length === 0) return
      const texts = await this.#connection.read((redis) =>
        Promise.all(members.map((member) => redis.hget(this.#keys.record(idIn(member)), 'record'))),
      )
      for (const text of texts) {
        const record = text === null ? undefined : (JSON.parse(text) as MigrationRecord)
        if (record && matches(record)) yield record
      }
      from = `(${members.at(-1)}`
    }
  }

  /** The keys that have to go when the migration does. */
  #noteOf(record: MigrationRecord): string {
    const unique = this.#keys.unique(record)
    return JSON.stringify([...this.#keys.indexes(record), ...(unique === undefined ? [] : [unique])])
  }

  #leaseKey(fence: Fence | undefined): string {
    return this.#keys.lease(fence?.key ?? '')
  }

  #check(): void {
    if (this.#closed) throw storeFailures.closed()
  }
}

/** When a migration ended, in milliseconds; '' while it has not. */
function endOf({ status, endedAt }: MigrationRecord): number | '' {
  return isFinal(status) && endedAt !== undefined ? Date.parse(endedAt) : ''
}

function refuse(answer: string, id: string, fence: Fence | undefined): void {
  if (answer === 'UNKNOWN') throw storeFailures.unknownMigration(id)
  if (answer === 'LOST') throw storeFailures.leaseLost(fence?.key ?? '')
}
