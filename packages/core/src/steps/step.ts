import type { BitbucketClient } from '@saddle/bitbucket-client'
import type { GitHubClient } from '@saddle/github-client'
import type { RetryOptions } from '@saddle/transport'
import type { ProgressEventBody } from '../events.ts'
import type { ChosenBackend } from '../git/choose.ts'
import type { Journal } from '../journal.ts'
import type { Loss } from '../ledger.ts'
import type { OwnershipFacts } from '../ownership.ts'
import type { PlannedProblem } from '../plan.ts'
import type { LfsSummary, MigrationRecord, RefSummary, StepName, TargetRepository } from '../record.ts'
import type { NormalizedRequest } from '../request.ts'
import type { Telemetry } from '../telemetry.ts'
import type { CreationRights } from './creation-rights.ts'
import type { Inspection } from './inspection.ts'

/** What a step would do, as far as can be told from what is there now. */
export interface StepPlan {
  /** For a person; none when there is nothing to do. */
  actions: string[]
  losses?: Loss[]
  /** An `error` keeps the step from running. */
  problems?: PlannedProblem[]
}

/** What every step gets, for planning and for running. */
export interface StepContext {
  readonly request: NormalizedRequest
  readonly bitbucket: BitbucketClient
  readonly github: GitHubClient
  readonly inspection: Inspection
  readonly rights: CreationRights
  readonly ownership: OwnershipFacts
  /** The latest completed migration of the same source to the same target that the store remembers. */
  readonly remembered: MigrationRecord | undefined
  readonly signal: AbortSignal
}

/** What a step gets for running. */
export interface RunContext extends StepContext {
  readonly id: string
  readonly journal: Journal
  readonly git: ChosenBackend
  /** Largest pack for one push, in bytes. */
  readonly packBytes: number
  /** Patience with what passes by itself. */
  readonly retry: RetryOptions
  report(event: ProgressEventBody): void
  readonly telemetry: Telemetry
  /** Enters into the ledger what turns out not to arrive; what is known beforehand is part of the plan. */
  lose(loss: Loss): void
  /** What the record shall say. */
  readonly results: StepResults
}

/** What the steps find out for the record. */
export interface StepResults {
  targetRepository?: TargetRepository
  refs?: RefSummary
  lfs?: LfsSummary
  transferred: { bytes: number; objects: number }
  /** Where the backend said more about itself than was known before. */
  gitBackend?: { name: string; reason: string }
}

/**
 * One part of a migration. `plan` reads and writes nothing; `run` does what was planned, and is harmless when it is
 * repeated after having been interrupted anywhere. A step without actions is not run.
 */
export interface Step {
  readonly name: StepName
  plan(context: StepContext): Promise<StepPlan>
  run(context: RunContext): Promise<void>
}

/** A sentence for one of several. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
