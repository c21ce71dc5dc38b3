import type { SerializedError } from '@saddle/transport'
import type { Loss } from './ledger.ts'
import type { NormalizedRequest } from './request.ts'

/** The steps of a migration, in order. */
export const stepNames = ['preflight', 'prepare-target', 'transfer-lfs', 'transfer-git', 'settings', 'verify', 'finish'] as const

/** One of {@link stepNames}. */
export type StepName = (typeof stepNames)[number]

/** Where a migration can stand. */
export const migrationStatuses = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const

/** One of {@link migrationStatuses}. */
export type MigrationStatus = (typeof migrationStatuses)[number]

/** How a run can end. A migration that ended `failed` or `cancelled` can be resumed. */
export type FinalStatus = Exclude<MigrationStatus, 'pending' | 'in_progress'>

/** Whether nothing happens any more unless somebody resumes it. */
export const isFinal = (status: MigrationStatus): status is FinalStatus =>
  status === 'completed' || status === 'failed' || status === 'cancelled'

/** One step of a migration. Times are ISO 8601, UTC. */
export interface StepRecord {
  name: StepName
  status: 'pending' | 'running' | 'done' | 'failed'
  startedAt?: string
  endedAt?: string
}

/** Where a running migration is; what lists and status routes show. */
export interface MigrationProgress {
  /** 0 to 100; never goes back. */
  percentage: number
  step?: StepName
  bytes: number
  objects: number
  totalObjects?: number
  /** The latest line for a person. */
  message: string
}

/** The repository at the target. */
export interface TargetRepository {
  /** The target's own id, which outlives a rename. */
  id: number
  /** Whether a migration of this store made it. */
  created: boolean
  /** For browsers. */
  url: string
}

/** A ref that the target refused. */
export interface RejectedRef {
  ref: string
  /** One of the error codes, such as `REF_PROTECTED`. */
  code: string
  reason: string
}

/** What became of the refs. */
export interface RefSummary {
  /** Refs that were read back from the target and equal the source's. */
  verified: number
  created: number
  updated: number
  unchanged: number
  deleted: number
  rejected: RejectedRef[]
}

/** What became of the Git LFS objects, in the latest run that looked for some. */
export interface LfsSummary {
  /** Objects that were sent. */
  transferred: number
  /** Bytes of those. */
  bytes: number
  /** Objects that the target had already. */
  present: number
  /** Objects that did not arrive, since the source has them not, or damaged; they are among the losses. */
  missing: number
}

/** A migration as stored: JSON-safe, free of credentials, times in ISO 8601 UTC. */
export interface MigrationRecord {
  id: string
  /** Opaque: who started it. */
  owner?: string
  /** The bulk migration it belongs to. */
  bulkId?: string
  /** Unique for one `owner`; the same key gives the same migration. */
  idempotencyKey?: string
  request: NormalizedRequest
  /** Host and port of the two servers, so that nobody resumes a migration against others. */
  hosts: { source: string; target: string }
  status: MigrationStatus
  createdAt: string
  /** When the first run began. */
  startedAt?: string
  /** When the latest run ended; absent while one is under way. */
  endedAt?: string
  updatedAt: string
  steps: StepRecord[]
  progress: MigrationProgress
  targetRepository?: TargetRepository
  refs?: RefSummary
  /** Absent where nothing pointed to a Git LFS object. */
  lfs?: LfsSummary
  losses: Loss[]
  /** Why it is `failed` or `cancelled`. */
  error?: SerializedError
  /** What moved the objects, and why it was chosen. */
  gitBackend?: { name: string; reason: string }
  /** Somebody asked to stop; the process that runs it notices within its lease's renewal. */
  cancelRequested?: boolean
  /** Pack bytes and objects sent, over all runs. */
  transferred: { bytes: number; objects: number }
}

/** What a migration resolves with: its record, once it is complete. */
export type MigrationReport = MigrationRecord

/** Milliseconds from the first run's start to the latest run's end, or until now while it is under way. */
export function durationMs(record: Pick<MigrationRecord, 'startedAt' | 'endedAt'>, now = Date.now()): number {
  if (record.startedAt === undefined) return 0
  return Math.max(0, (record.endedAt === undefined ? now : Date.parse(record.endedAt)) - Date.parse(record.startedAt))
}

/**
 * The fields of a record that change; `undefined` removes an optional one. A request changes in its options only, when a
 * migration is resumed with others: source and target stay.
 */
export type MigrationChange = {
  [Field in keyof Omit<MigrationRecord, 'id' | 'createdAt' | 'hosts'>]?: MigrationRecord[Field] | undefined
}
