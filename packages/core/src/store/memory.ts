/**
 * A store that forgets with its process.
 *
 * @module @saddle/core/store/memory
 */
import { MemoryBulkStore } from '../bulk/memory-store.ts'
import type { ProgressEvent } from '../events.ts'
import type { MigrationChange, MigrationRecord } from '../record.ts'
import { isFinal } from '../record.ts'
import { storeFailures } from './failures.ts'
import { readEvents } from './follow.ts'
import { conditions, decodeCursor, encodeCursor, newestFirst, pageLimit, searchFields } from './page.ts'
import type {
  EventQuery, Fence, JournalEntry, Lease, MigrationPage, MigrationQuery, MigrationStore,
} from './store.ts'
import { Watches } from './watch.ts'

interface Entry {
  record: MigrationRecord
  events: ProgressEvent[]
  journal: JournalEntry[]
}

/** Remembers migrations for as long as the process lives; what it remembers is lost with it. */
export class MemoryStore implements MigrationStore {
  readonly bulks = new MemoryBulkStore(() => this.#check())
  readonly #migrations = new Map<string, Entry>()
  readonly #fences = new Map<string, number>()
  readonly #leases = new Map<string, Lease>()
  readonly #watches = new Watches()
  #closed = false

  async createMigration(record: MigrationRecord): Promise<void> {
    this.#check()
    if (this.#migrations.has(record.id)) throw storeFailures.idTaken(record.id)
    const { idempotencyKey, startedBy } = searchFields(record)
    for (const other of this.#migrations.values()) {
      const fields = searchFields(other.record)
      if (idempotencyKey !== null && fields.idempotencyKey === idempotencyKey && fields.startedBy === startedBy) {
        throw storeFailures.idempotencyKeyTaken()
      }
    }
    this.#migrations.set(record.id, { record: structuredClone(record), events: [], journal: [] })
  }

  async getMigration(id: string): Promise<MigrationRecord | undefined> {
    this.#check()
    return structuredClone(this.#migrations.get(id)?.record)
  }

  async updateMigration(id: string, change: MigrationChange, fence?: Fence): Promise<void> {
    const entry = this.#entry(id, fence)
    const changed = { ...entry.record, ...structuredClone(change), updatedAt: new Date().toISOString() }
    // JSON drops what was set to undefined, as the other stores do.
    entry.record = JSON.parse(JSON.stringify(changed)) as MigrationRecord
    this.#watches.changed(id)
  }

  async listMigrations(query: MigrationQuery): Promise<MigrationPage> {
    this.#check()
    const mark = query.cursor === undefined ? undefined : decodeCursor(query.cursor)
    const wanted = conditions(query)
    const found = [...this.#migrations.values()]
      .map(({ record }) => record)
      .filter((record) => {
        const fields = searchFields(record)
        return wanted.every(([field, value]) => fields[field] === value)
      })
      .filter((record) => mark === undefined || newestFirst(record, mark) > 0)
      .sort(newestFirst)
    const items = structuredClone(found.slice(0, pageLimit(query)))
    const last = items.at(-1)
    return last && found.length > items.length ? { items, cursor: encodeCursor(last) } : { items }
  }

  async appendEvents(id: string, events: readonly ProgressEvent[], fence?: Fence): Promise<void> {
    const entry = this.#entry(id, fence)
    events.forEach(({ seq }, index) => {
      const expected = entry.events.length + index + 1
      if (seq !== expected) throw storeFailures.eventOutOfOrder(id, expected, seq)
    })
    entry.events.push(...structuredClone(events))
    this.#watches.changed(id)
  }

  events(id: string, query: EventQuery = {}): AsyncIterable<ProgressEvent> {
    this.#check()
    return readEvents(
      id,
      {
        status: async () => this.#migrations.get(id)?.record.status,
        read: async (after) => structuredClone(this.#migrations.get(id)?.events.slice(after, after + 500) ?? []),
        watch: () => this.#watches.watch(id),
        closed: () => this.#closed,
      },
      query,
    )
  }

  async appendJournal(id: string, entry: JournalEntry, fence?: Fence): Promise<void> {
    this.#entry(id, fence).journal.push(structuredClone(entry))
  }

  async journal(id: string): Promise<JournalEntry[]> {
    this.#check()
    return structuredClone(this.#migrations.get(id)?.journal ?? [])
  }

  async acquireLease(key: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    this.#check()
    if (this.#lease(key)) return undefined
    const fence = (this.#fences.get(key) ?? 0) + 1
    const lease = { key, holder, fence, expiresAt: new Date(Date.now() + ttlMs).toISOString() }
    this.#fences.set(key, fence)
    this.#leases.set(key, lease)
    return { ...lease }
  }

  async getLease(key: string): Promise<Lease | undefined> {
    this.#check()
    return structuredClone(this.#lease(key))
  }

  async renewLease(lease: Lease, ttlMs: number): Promise<boolean> {
    this.#check()
    const current = this.#leases.get(lease.key)
    if (current?.fence !== lease.fence) return false
    current.expiresAt = new Date(Date.now() + ttlMs).toISOString()
    return true
  }

  async releaseLease(lease: Lease): Promise<void> {
    this.#check()
    if (this.#leases.get(lease.key)?.fence === lease.fence) this.#leases.delete(lease.key)
  }

  async prune(before: Date): Promise<number> {
    await this.bulks.prune(before)
    let count = 0
    for (const [id, { record }] of this.#migrations) {
      if (!isFinal(record.status) || record.endedAt === undefined || Date.parse(record.endedAt) >= before.getTime()) continue
      this.#migrations.delete(id)
      this.#watches.changed(id)
      count++
    }
    return count
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watches.changedAll()
  }

  #check(fence?: Fence): void {
    if (this.#closed) throw storeFailures.closed()
    if (fence && (this.#fences.get(fence.key) ?? 0) > fence.fence) throw storeFailures.leaseLost(fence.key)
  }

  #lease(key: string): Lease | undefined {
    const lease = this.#leases.get(key)
    return lease && Date.parse(lease.expiresAt) > Date.now() ? lease : undefined
  }

  #entry(id: string, fence: Fence | undefined): Entry {
    this.#check(fence)
    const entry = this.#migrations.get(id)
    if (!entry) throw storeFailures.unknownMigration(id)
    return entry
  }
}
