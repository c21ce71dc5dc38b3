import type { SerializedError } from '@saddle/transport'
import type { Loss } from './ledger.ts'
import type { FinalStatus, StepName } from './record.ts'

/** A run begins. `resumed` says that an earlier run of the same migration ended or died before it was complete. */
export interface MigrationStartEvent {
  type: 'migration-start'
  /** `PROJECT/slug` */
  source: string
  /** `owner/name` */
  target: string
  resumed: boolean
}

/** A step begins; `index` counts from 1 to `total`. */
export interface StepStartEvent {
  type: 'step-start'
  step: StepName
  index: number
  total: number
}

/** A step ended. `skipped` means that it found nothing to do. */
export interface StepEndEvent {
  type: 'step-end'
  step: StepName
  index: number
  total: number
  durationMs: number
  outcome: 'done' | 'skipped' | 'failed'
}

/** How far the transfer of objects is; at most about four a second. */
export interface TransferEvent {
  type: 'transfer'
  /** Git LFS objects stream; or the source counts and compresses, the pack streams, the target indexes what it received. */
  phase: 'lfs' | 'counting' | 'streaming' | 'indexing'
  /** Bytes sent to the target so far, of LFS objects or of the pack. */
  bytes: number
  /** Objects done in this phase; while a pack streams that nobody counts, an estimate from its bytes. */
  objects: number
  /** Objects in all, once known. */
  totalObjects?: number
  bytesPerSecond: number
  /** An estimate, once there is one. */
  secondsLeft?: number
  /** What the server says meanwhile, cleaned of control characters. */
  message?: string
}

/** A line for a person: waits and retries of the clients, what a step decided. */
export interface MessageEvent {
  type: 'message'
  level: 'info' | 'warning'
  text: string
}

/** Something does not arrive. Each loss is reported once. */
export interface LossEvent {
  type: 'loss'
  loss: Loss
}

/** The run ended; always its last event. */
export interface MigrationEndEvent {
  type: 'migration-end'
  status: FinalStatus
  durationMs: number
  /** Why it failed or was cancelled. */
  error?: SerializedError
}

/** What happened, without the fields that all events have. */
export type ProgressEventBody =
  | MigrationStartEvent
  | StepStartEvent
  | StepEndEvent
  | TransferEvent
  | MessageEvent
  | LossEvent
  | MigrationEndEvent

/**
 * What a migration reports, as emitted, stored and streamed: one JSON-safe form. Within a migration `seq` counts from 1
 * without a gap, over all its runs.
 */
export type ProgressEvent = { migrationId: string; seq: number; /** ISO 8601, UTC */ at: string } & ProgressEventBody

/** The event of one type. */
export type ProgressEventOf<Type extends ProgressEvent['type']> = Extract<ProgressEvent, { type: Type }>

/** The engine's events: `progress` is all of them, and each type is an event of its own name as well. */
export type EngineEvents = { progress: ProgressEvent } & {
  [Type in ProgressEvent['type']]: ProgressEventOf<Type>
}
