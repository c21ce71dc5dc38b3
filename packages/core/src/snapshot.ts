import type { SerializedError } from '@saddle/transport'
import type { ProgressEvent, TransferEvent } from './events.ts'
import { stepNames, type MigrationStatus, type StepName } from './record.ts'

/** What a progress bar or a status route shows: all events so far, folded into one value. */
export interface MigrationSnapshot {
  status: MigrationStatus
  /** 0 to 100; never goes back. 100 only when completed. */
  percentage: number
  step?: StepName
  stepsCompleted: number
  totalSteps: number
  phase?: TransferEvent['phase']
  bytes: number
  objects: number
  totalObjects?: number
  bytesPerSecond?: number
  secondsLeft?: number
  /** The latest line for a person. */
  message: string
  /** Losses reported so far. */
  losses: number
  /** When the latest run began and ended; ISO 8601, UTC. */
  startedAt?: string
  endedAt?: string
  error?: SerializedError
  /** The latest event taken into account. */
  seq: number
}

/** The share of each step in the whole, in percent; the transfer is where the time goes. */
const weights: Record<StepName, number> = {
  preflight: 3,
  'prepare-target': 4,
  'transfer-lfs': 12,
  'transfer-git': 70,
  settings: 4,
  verify: 5,
  finish: 2,
}

const descriptions: Record<StepName, string> = {
  preflight: 'Checking source and target',
  'prepare-target': 'Preparing the target repository',
  'transfer-lfs': 'Transferring Git LFS objects',
  'transfer-git': 'Transferring history',
  settings: 'Applying settings',
  verify: 'Verifying',
  finish: 'Finishing',
}

/** Where every migration begins. */
export const emptySnapshot = (): MigrationSnapshot => ({
  status: 'pending',
  percentage: 0,
  stepsCompleted: 0,
  totalSteps: stepNames.length,
  bytes: 0,
  objects: 0,
  message: 'Waiting to start',
  losses: 0,
  seq: 0,
})

/**
 * The snapshot after one more event; the given one is left as it is.
 *
 * @example
 * ```ts
 * import { emptySnapshot, reduce } from '@saddle/core'
 *
 * let snapshot = emptySnapshot()
 * engine.on('progress', (event) => {
 *   snapshot = reduce(snapshot, event)
 *   console.log(`${snapshot.percentage} % ${snapshot.message}`)
 * })
 * ```
 */
export function reduce(snapshot: MigrationSnapshot, event: ProgressEvent): MigrationSnapshot {
  const next: MigrationSnapshot = { ...snapshot, seq: event.seq }
  switch (event.type) {
    case 'migration-start':
      delete next.endedAt
      delete next.error
      delete next.step
      return {
        ...next,
        status: 'in_progress',
        stepsCompleted: 0,
        startedAt: event.at,
        message: `${event.resumed ? 'Resuming' : 'Starting'}: ${event.source} to ${event.target}`,
      }
    case 'step-start':
      return { ...next, step: event.step, message: descriptions[event.step], ...atLeast(next, before(event.step)) }
    case 'step-end':
      forgetTransfer(next)
      if (event.outcome === 'failed') return next
      return { ...next, stepsCompleted: event.index, ...atLeast(next, before(event.step) + weights[event.step]) }
    case 'transfer':
      forgetTransfer(next)
      return {
        ...next,
        phase: event.phase,
        bytes: event.bytes,
        objects: event.objects,
        bytesPerSecond: event.bytesPerSecond,
        ...(event.totalObjects === undefined ? {} : { totalObjects: event.totalObjects }),
        ...(event.secondsLeft === undefined ? {} : { secondsLeft: event.secondsLeft }),
        ...(event.message ? { message: event.message } : {}),
        ...atLeast(next, transferred(event)),
      }
    case 'message':
      return { ...next, message: event.text }
    case 'loss':
      return { ...next, losses: next.losses + 1 }
    case 'migration-end':
      forgetTransfer(next)
      return {
        ...next,
        status: event.status,
        endedAt: event.at,
        ...(event.status === 'completed' ? { percentage: 100, message: 'Completed' } : {}),
        ...(event.error ? { error: event.error, message: event.error.message } : {}),
      }
  }
}

/** Counting and indexing have no bytes to show for, so each has a fixed tenth of the step. */
function transferred({ phase, objects, totalObjects }: TransferEvent): number {
  const share = totalObjects ? Math.min(1, objects / totalObjects) : 0
  const step = phase === 'lfs' ? 'transfer-lfs' : 'transfer-git'
  return before(step) + weights[step] * { lfs: share, counting: 0.1 * share, streaming: 0.1 + 0.8 * share, indexing: 0.9 + 0.1 * share }[phase]
}

function before(step: StepName): number {
  return stepNames.slice(0, stepNames.indexOf(step)).reduce((sum, name) => sum + weights[name], 0)
}

const atLeast = ({ percentage }: MigrationSnapshot, value: number): { percentage: number } => ({
  // 100 is kept for the end, which says whether it was a success.
  percentage: Math.max(percentage, Math.min(99, Math.floor(value))),
})

function forgetTransfer(snapshot: MigrationSnapshot): void {
  delete snapshot.phase
  delete snapshot.bytesPerSecond
  delete snapshot.secondsLeft
}
