import type { BulkStore } from '../bulk/store.ts'
import type { ProgressEvent } from '../events.ts'
import type { MigrationChange, MigrationRecord, MigrationStatus } from '../record.ts'

/** What JSON can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/**
 * Before and after each write to a remote server. An `intent` without its `done` means that the outcome is unknown, and
 * that the server has to be asked.
 */
export interface JournalEntry {
  /** Which write, for example `repository.create`. */
  key: string
  state: 'intent' | 'done'
  /** What the write yielded, for example the id of the repository. */
  data?: JsonValue
  /** ISO 8601, UTC */
  at: string
}

/** The right to write for a key, until it expires. */
export interface Lease extends Fence {
  /** Who holds it; unique for each run. */
  holder: string
  /** ISO 8601, UTC */
  expiresAt: string
}

/**
 * Proof of having held a lease. `fence` grows with each acquisition of `key`; a write that carries an older one than the
 * newest that was handed out comes from somebody who lost the lease, and is refused.
 */
export interface Fence {
  /** Of the lease. */
  key: string
  fence: number
}

/** Which migrations to list; all conditions hold. */
export interface MigrationQuery {
  status?: MigrationStatus
  /** Project key at the source, regardless of case. */
  project?: string
  /** Slug at the source. */
  repository?: string
  /** Owner at the target, regardless of case. */
  owner?: string
  /** `owner/name` at the target, regardless of case. */
  target?: string
  /** The record's `owner`: who started it. */
  startedBy?: string
  /** Together with `startedBy`, or with records that have no owner. */
  idempotencyKey?: string
  bulkId?: string
  /** At most this many items; 50 by default, 500 at most. */
  limit?: number
  /** Where the previous page ended. */
  cursor?: string
}

/** One page of a list. */
export interface MigrationPage {
  /** Newest first. */
  items: MigrationRecord[]
  /** Present when there is more. */
  cursor?: string
}

/** Which events to read. */
export interface EventQuery {
  /** Only events with a greater `seq`. */
  after?: number
  /** Wait for more until the migration has a final status and all its events were read, whoever writes them. */
  follow?: boolean
  signal?: AbortSignal
}

/**
 * Where migrations are remembered: records, events, journal and leases. Every write is durable when its promise resolves.
 * Values are copied both ways: changing one afterwards changes nothing in the store.
 *
 * Every method fails with `STORE_FULL` when there is no room and `STORE_FAILED` when the store cannot be used. Methods that
 * take a `fence` fail with `LEASE_LOST`, and write nothing, when a newer one exists for its key. Implementations run
 * `migrationStoreSuite` of `@saddle/core/testing`.
 */
export interface MigrationStore {
  /** Bulk migrations, kept in the same place. */
  readonly bulks: BulkStore
  /** Fails with `CONFLICT` when the id, or the idempotency key of the same `owner`, is taken. */
  createMigration(record: MigrationRecord): Promise<void>
  /** One migration's record; undefined for an unknown id. */
  getMigration(id: string): Promise<MigrationRecord | undefined>
  /** Changes some fields and sets `updatedAt`; `NOT_FOUND` for an unknown id. */
  updateMigration(id: string, change: MigrationChange, fence?: Fence): Promise<void>
  /** Newest first by creation; a page's cursor stays valid while records are added. `INVALID_INPUT` for a foreign cursor. */
  listMigrations(query: MigrationQuery): Promise<MigrationPage>
  /** Adds events; `NOT_FOUND` for an unknown id, `CONFLICT` when their `seq` does not follow on what is stored. */
  appendEvents(id: string, events: readonly ProgressEvent[], fence?: Fence): Promise<void>
  /** Events in order; `NOT_FOUND` for an unknown id, `ABORTED` when the signal fires. */
  events(id: string, query?: EventQuery): AsyncIterable<ProgressEvent>
  /** Adds an entry; `NOT_FOUND` for an unknown id. */
  appendJournal(id: string, entry: JournalEntry, fence?: Fence): Promise<void>
  /** All entries in the order they were written; empty for an unknown id. */
  journal(id: string): Promise<JournalEntry[]>
  /** Takes the lease for `ttlMs` unless an unexpired one exists, whoever holds it. */
  acquireLease(key: string, holder: string, ttlMs: number): Promise<Lease | undefined>
  /** The lease as it stands, unless it expired or was released. */
  getLease(key: string): Promise<Lease | undefined>
  /** Extends the lease to `ttlMs` from now. False when somebody else took it; an expired one that nobody took is renewed. */
  renewLease(lease: Lease, ttlMs: number): Promise<boolean>
  /** Gives the lease up; harmless when it is no longer held. */
  releaseLease(lease: Lease): Promise<void>
  /** Forgets migrations that ended before that time, with their events and journal, and bulk migrations; returns how many migrations. */
  prune(before: Date): Promise<number>
  /** Frees resources; ends `follow`ing readers. Nothing else may be called afterwards. */
  close(): Promise<void>
}
