import type { MigrationStatus } from '../record.ts'
import type { BulkItem, BulkRecord } from './record.ts'

/** A bulk migration to be stored; the store itself keeps counts, work, bytes and revision. */
export type NewBulk = Omit<BulkRecord, 'counts' | 'work' | 'bytes' | 'revision'>

/** A repository to be stored with it; the store gives it its index, in the order given, and revision 0. */
export type NewBulkItem = Omit<BulkItem, 'index' | 'revision'>

/** The fields of a record that change; `undefined` removes an optional one. */
export type BulkChange = {
  [Field in 'status' | 'startedAt' | 'endedAt' | 'concurrency' | 'cancelRequested' | 'run']?: BulkRecord[Field] | undefined
}

/** The fields of an item that change; `undefined` removes an optional one. */
export type BulkItemChange = { [Field in keyof Omit<BulkItem, 'index' | 'revision' | 'request' | 'weight'>]?: BulkItem[Field] | undefined }

/** What an item must still be for a change to be made. */
export interface BulkItemExpectation {
  status?: readonly MigrationStatus[]
  attempts?: number
}

/** Which items to read; all conditions hold. */
export interface BulkItemQuery {
  status?: readonly MigrationStatus[]
  /** Only items with a greater index. */
  after?: number
  /** Only items that changed after that revision, oldest change first; without it the order is that of the index. */
  changedAfter?: number
  /** At most this many; 100 by default, 1000 at most. */
  limit?: number
}

/** Which bulk migrations to list; all conditions hold. */
export interface BulkQuery {
  status?: MigrationStatus
  /** The record's `owner`: who started it. */
  startedBy?: string
  /** Together with `startedBy`, or with records that have no owner. */
  idempotencyKey?: string
  /** At most this many; 50 by default, 500 at most. */
  limit?: number
  /** Where the previous page ended. */
  cursor?: string
}

/** One page of a list. */
export interface BulkPage {
  /** Newest first. */
  items: BulkRecord[]
  /** Present when there is more. */
  cursor?: string
}

/**
 * Where bulk migrations are remembered; part of every `MigrationStore`. Each call is one transaction: an item's change,
 * the counts, the work done and the revision change together or not at all. Values are copied both ways. Failures are
 * those of `MigrationStore`.
 */
export interface BulkStore {
  /** Fails with `CONFLICT` when the id, or the idempotency key of the same `owner`, is taken. */
  create(record: NewBulk, items: readonly NewBulkItem[]): Promise<void>
  /** Undefined for an unknown id. */
  get(id: string): Promise<BulkRecord | undefined>
  /** Changes some fields and returns the record after that; `NOT_FOUND` for an unknown id. */
  update(id: string, change: BulkChange): Promise<BulkRecord>
  /** Newest first by creation; `INVALID_INPUT` for a foreign cursor. */
  list(query: BulkQuery): Promise<BulkPage>
  /** One page of items; empty for an unknown id. */
  items(id: string, query?: BulkItemQuery): Promise<BulkItem[]>
  /** One repository of a bulk migration; undefined for an unknown one. */
  item(id: string, index: number): Promise<BulkItem | undefined>
  /** Changes an item if it is as expected, and says whether it was; `NOT_FOUND` for an unknown one. */
  updateItem(id: string, index: number, change: BulkItemChange, expected?: BulkItemExpectation): Promise<boolean>
  /** Changes all items of some statuses alike, in one go; returns how many. */
  updateItems(id: string, from: readonly MigrationStatus[], change: BulkItemChange): Promise<number>
  /** Forgets bulk migrations that ended before that time, with their items; returns how many. */
  prune(before: Date): Promise<number>
}
