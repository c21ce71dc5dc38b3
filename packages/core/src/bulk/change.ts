import type { MigrationStatus } from '../record.ts'
import { emptyCounts, workDone, type BulkItem, type BulkRecord } from './record.ts'
import type { BulkChange, BulkItemChange, BulkItemExpectation, NewBulk, NewBulkItem } from './store.ts'

/** What a change of items does to the record they belong to. Stores add it up in the transaction of the change. */
export interface BulkDelta {
  counts: Partial<Record<MigrationStatus, number>>
  workDone: number
  bytes: number
}

/** The record of a new bulk migration with its counts, and its items with their indexes. */
export function newBulk(record: NewBulk, items: readonly NewBulkItem[]): { record: BulkRecord; items: BulkItem[] } {
  const counts = emptyCounts()
  const work = { total: 0, done: 0 }
  let bytes = 0
  for (const item of items) {
    counts.total++
    counts[item.status]++
    work.total += item.weight
    work.done += workDone(item)
    bytes += item.bytes
  }
  return {
    record: { ...record, counts, work, bytes, revision: 1 },
    items: items.map((item, index) => ({ ...item, index, revision: 0 })),
  }
}

/** How many entries a page has: what was asked for, within bounds. */
export const limitOf = (asked: number | undefined, usual: number, most: number): number =>
  Math.min(most, Math.max(1, Math.trunc(asked ?? usual)))

/** Whether an item is what a caller expects it to be. */
export function isExpected(item: BulkItem, { status, attempts }: BulkItemExpectation = {}): boolean {
  return (!status || status.includes(item.status)) && (attempts === undefined || item.attempts === attempts)
}

/** The object with some fields replaced, and those removed that the change has as undefined. */
export function withChange<T extends object>(value: T, change: { [Field in keyof T]?: T[Field] | undefined }): T {
  const entries = Object.entries({ ...value, ...change }).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries) as T
}

/** The item after a change, which is the record's next revision, and what that does to the record. */
export function changeItem(item: BulkItem, change: BulkItemChange, revision: number): { item: BulkItem; delta: BulkDelta } {
  const after = { ...withChange<BulkItem>(item, change), revision }
  const counts: BulkDelta['counts'] = after.status === item.status ? {} : { [item.status]: -1, [after.status]: 1 }
  return { item: after, delta: { counts, workDone: workDone(after) - workDone(item), bytes: after.bytes - item.bytes } }
}

/** The record after a change of its own fields, as its next revision. */
export function changeRecord(record: BulkRecord, change: BulkChange): BulkRecord {
  return { ...withChange(record, change), updatedAt: new Date().toISOString(), revision: record.revision + 1 }
}

/** The record with the change of one item taken into account, as its next revision. */
export function addDelta(record: BulkRecord, { counts, workDone: done, bytes }: BulkDelta): BulkRecord {
  const sums = { ...record.counts }
  for (const [status, number] of Object.entries(counts)) sums[status as MigrationStatus] += number
  return {
    ...record,
    counts: sums,
    work: { ...record.work, done: record.work.done + done },
    bytes: record.bytes + bytes,
    updatedAt: new Date().toISOString(),
    revision: record.revision + 1,
  }
}
