import type { ErrorCode } from '@saddle/transport'
import type { Loss } from './ledger.ts'
import type { StepName } from './record.ts'
import type { NormalizedRequest } from './request.ts'

/** What a migration would do, found out without writing anything anywhere. */
export interface MigrationPlan {
  request: NormalizedRequest
  source: PlannedSource
  target: PlannedTarget
  refs: PlannedRefs
  /** Git LFS objects of what is to be moved; absent where there are none, or only a clone could tell. */
  lfs?: PlannedLfs
  /** What each step would do; a step without actions has nothing to do. */
  steps: { name: StepName; actions: string[] }[]
  losses: Loss[]
  /** What would make it fail (`error`) or should be known beforehand (`warning`). */
  problems: PlannedProblem[]
}

/** The repository at the source. */
export interface PlannedSource {
  /** `PROJECT/slug` */
  name: string
  description?: string
  /** Absent when the repository has none. */
  defaultBranch?: string
  archived: boolean
  public: boolean
  /** `PROJECT/slug` of the repository it was forked from. */
  forkOf?: string
  /** In bytes; absent when the server does not say. */
  size?: number
  /** Whether Large File Storage is switched on; absent when the server does not say. */
  lfs?: boolean
  labels: string[]
}

/** The repository at the target. */
export interface PlannedTarget {
  /** `owner/name` */
  name: string
  exists: boolean
  /** Whether a migration of this store made it. */
  created: boolean
  /** For browsers; absent when it does not exist yet. */
  url?: string
}

/** Git LFS objects that the target is to have in the end; it may have some already. */
export interface PlannedLfs {
  objects: number
  /** Of all of them together. */
  bytes: number
  /** Objects that the source does not have; absent when that was not found out. */
  missing?: number
}

/** What would become of the refs, by full name. */
export interface PlannedRefs {
  create: string[]
  update: string[]
  delete: string[]
  unchanged: string[]
  /** Refused unless `force`. */
  diverged: string[]
}

/** Something that is in the way, with the code that the migration would fail with. */
export interface PlannedProblem {
  severity: 'error' | 'warning'
  code: ErrorCode
  message: string
  /** Full names of the refs concerned. */
  refs?: string[]
}

/** How source and target compare, ref by ref. */
export interface VerificationResult {
  /** Whether every ref within the namespaces is equal, and there are no others. */
  equal: boolean
  /** Refs within the namespaces at the source. */
  source: number
  /** Refs within the namespaces at the target. */
  target: number
  /** Refs that the target lacks. */
  missing: string[]
  /** Refs that point elsewhere at the target. */
  different: string[]
  /** Refs that only the target has. */
  extra: string[]
  /** Settings that differ, such as `default branch`. They do not count for `equal`. */
  settings: { name: string; source: string; target: string }[]
}
