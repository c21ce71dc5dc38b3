import type { SerializedError } from '@saddle/transport'
import type { MigrationStatus, StepName } from '../record.ts'
import type { NormalizedRequest } from '../request.ts'

/**
 * How many repositories of a bulk migration are in each status. Always adds up to `total`: an implementation changes a
 * repository's status and its counts in one transaction.
 */
export interface BulkCounts extends Record<MigrationStatus, number> {
  total: number
}

/**
 * A bulk migration as stored: many migrations started together. Its repositories are {@link BulkItem}s of their own, so
 * that a record stays small whatever their number. JSON-safe; times are ISO 8601, UTC.
 *
 * `status` is `completed` when every repository arrived, `failed` when it ended and at least one did not, `cancelled`
 * when somebody stopped it.
 */
export interface BulkRecord {
  id: string
  /** Opaque: who started it. */
  owner?: string
  /** Unique for one `owner`; the same key gives the same bulk migration. */
  idempotencyKey?: string
  /** What it was made from, for lists: `PROJECT`, or `12 repositories`. */
  label: string
  status: MigrationStatus
  createdAt: string
  /** When the first run began. */
  startedAt?: string
  /** When the latest run ended; absent while one is under way. */
  endedAt?: string
  updatedAt: string
  /** How many repositories at once; absent when whoever runs it decides. */
  concurrency?: number
  /** Where workers find the credentials. Never a credential. */
  credentialRef?: string
  /** How fast the target lets repositories be created, where it limits that and they are to be created. */
  creationLimits?: { amount: number; intervalMs: number }[]
  /** Somebody asked to stop; whoever runs it notices within a second or two. */
  cancelRequested?: boolean
  /** Where the latest run began, so that the time left is judged by this run's speed. */
  run?: { startedAt: string; workDone: number }
  counts: BulkCounts
  /** The work in units of about a KiB: what each repository weighs, and how much of that is done. */
  work: { total: number; done: number }
  /** Pack bytes sent so far. */
  bytes: number
  /** Grows with every change of the record or of an item. */
  revision: number
}

/** One repository of a bulk migration. */
export interface BulkItem {
  /** Position in the order of work, from 0. */
  index: number
  request: NormalizedRequest
  /** The migration's id, given beforehand: a process that takes over after a crash looks it up instead of starting anew. */
  migrationId: string
  status: MigrationStatus
  /** How often somebody began to work on it. A write by an earlier attempt is refused. */
  attempts: number
  /** 0 to 100 */
  percentage: number
  step?: StepName
  stepsCompleted: number
  /** The latest line for a person. */
  message: string
  /** Pack bytes sent. */
  bytes: number
  /** Size at the source in bytes, where the source says so. */
  sizeBytes?: number
  /** Its share of the whole work, in units of about a KiB. */
  weight: number
  /** When the latest attempt began. */
  startedAt?: string
  /** When the latest attempt ended. */
  endedAt?: string
  /** Refs read back from the target and found equal. */
  verifiedRefs?: number
  /** Entries in the migration's list of losses. */
  losses: number
  /** Why it is `failed` or `cancelled`. */
  error?: SerializedError
  /** The record's revision at the item's latest change, which is nobody else's; 0 when it never changed. */
  revision: number
}

/** What followers of a bulk migration see. `seq` grows; several changes of one item may be seen as one. */
export type BulkEvent = { bulkId: string; seq: number } & (
  | { type: 'bulk-item'; item: BulkItem }
  | { type: 'bulk-status'; bulk: BulkRecord }
)

/** The outcome: the record, with every repository in the order of work. */
export interface BulkReport extends BulkRecord {
  items: BulkItem[]
}

/** How far a bulk migration is in percent, by the weight of its repositories. */
export function overallPercentage({ work, status }: Pick<BulkRecord, 'work' | 'status'>): number {
  if (status === 'completed') return 100
  return work.total === 0 ? 0 : Math.min(99, Math.floor((work.done / work.total) * 100))
}

/**
 * Seconds until the end, estimated from the speed of this run, and never less than the target's limits on creating
 * repositories allow. Undefined before there is anything to judge by, and when nothing is left to do.
 */
export function secondsLeft(
  { work, counts, run, endedAt, creationLimits = [] }: BulkRecord,
  now = Date.now(),
): number | undefined {
  const done = work.done - (run?.workDone ?? 0)
  if (endedAt !== undefined || run === undefined || done <= 0) return undefined
  const bySpeed = ((work.total - work.done) / done) * (now - Date.parse(run.startedAt))
  const waiting = counts.pending
  const byLimits = creationLimits.map(({ amount, intervalMs }) => (Math.max(0, waiting - amount) * intervalMs) / amount)
  return Math.ceil(Math.max(bySpeed, ...byLimits, 0) / 1000)
}

/** Milliseconds from the first run's start to the latest run's end, or until now while it is under way. */
export function elapsedMs({ startedAt, endedAt }: Pick<BulkRecord, 'startedAt' | 'endedAt'>, now = Date.now()): number {
  if (startedAt === undefined) return 0
  return Math.max(0, (endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(startedAt))
}

/** Whether any of its repositories has no outcome yet. */
export const isOpen = ({ counts }: Pick<BulkRecord, 'counts'>): boolean => counts.pending + counts.in_progress > 0

/** No repositories in any status. */
export const emptyCounts = (): BulkCounts => ({ total: 0, pending: 0, in_progress: 0, completed: 0, failed: 0, cancelled: 0 })

/** How much of an item's weight is done. A failed one counts as done: nobody works on it any more. */
export function workDone({ status, weight, percentage }: Pick<BulkItem, 'status' | 'weight' | 'percentage'>): number {
  return status === 'in_progress' || status === 'pending' ? Math.floor((weight * percentage) / 100) : weight
}
