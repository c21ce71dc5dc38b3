import { durationMs, stepNames, type MigrationRecord, type MigrationSnapshot, type MigrationStatus, type SerializedError, type StepName } from '@saddle/core'
import type { z } from 'zod'
import * as schema from '../schemas/migration.ts'

type Label = z.output<typeof schema.stepLabel>

const labelOf: Record<Exclude<StepName, 'transfer-git'>, Label> = {
  preflight: 'Initializing',
  'prepare-target': 'Preparing target',
  'transfer-lfs': 'Cloning repository',
  settings: 'Completing',
  verify: 'Completing',
  finish: 'Completing',
}

/** Where a migration is: its step, the bytes that the target has been sent, and whether that was all. */
interface Place {
  step?: StepName | undefined
  bytes: number
  transferred: boolean
}

/** The label of where a migration stands. Until the first byte has been passed on to the target, it counts as cloning. */
export function currentStep(status: MigrationStatus, { step, bytes, transferred }: Place): Label {
  if (status === 'failed') return 'Failed'
  if (status === 'completed') return 'Completing'
  if (step === undefined) return 'Initializing'
  if (step === 'transfer-git') return bytes > 0 || transferred ? 'Pushing content' : 'Cloning repository'
  return labelOf[step]
}

/** How many of the labels are behind; a failed migration keeps those that it had passed. */
export function stepsCompleted(status: MigrationStatus, place: Place): number {
  if (status === 'completed') return schema.labels.length
  return schema.labels.indexOf(currentStep('in_progress', place) as (typeof schema.labels)[number])
}

/** The body of a status answer. */
export function snapshotOf(record: MigrationRecord): z.output<typeof schema.snapshot> {
  const { id, status, progress, steps, startedAt, createdAt, error } = record
  const place = { ...progress, step: progress.step, transferred: steps.some(({ name, status }) => name === 'transfer-git' && status === 'done') }
  return {
    migration_id: id,
    status,
    progress: {
      percentage: progress.percentage,
      current_step: currentStep(status, place),
      steps_completed: stepsCompleted(status, place),
      total_steps: schema.labels.length,
    },
    timing: { start_time: startedAt ?? createdAt, elapsed_seconds: seconds(record) },
    details: { message: progress.message, error: error?.message ?? null },
  }
}

/** The data of an event. */
export function updateOf({ status, percentage, step, stepsCompleted: done, bytes, objects, message, error }: MigrationSnapshot): z.output<typeof schema.update> {
  return {
    status,
    progress: percentage,
    current_step: currentStep(status, { step, bytes, transferred: done > stepNames.indexOf('transfer-git') }),
    details: { message, ...(error ? { error: error.message } : {}), bytes, objects },
  }
}

/** A migration in a list. */
export function summaryOf(record: MigrationRecord): z.output<typeof schema.summary> {
  const { id, bulkId, status, request, targetRepository, createdAt, startedAt, endedAt, progress, error } = record
  const { owner, name, visibility } = request.target
  return {
    migration_id: id,
    bulk_migration_id: bulkId ?? null,
    status,
    source: request.source,
    target: { owner, name, visibility, url: targetRepository?.url ?? null },
    created_at: createdAt,
    start_time: startedAt ?? null,
    end_time: endedAt ?? null,
    percentage: progress.percentage,
    error: error?.message ?? null,
  }
}

/** Everything about a migration. */
export function recordOf(record: MigrationRecord): z.output<typeof schema.record> {
  return {
    ...summaryOf(record),
    steps: record.steps.map(({ name, status, startedAt, endedAt }) => ({ name, status, start_time: startedAt ?? null, end_time: endedAt ?? null })),
    refs: record.refs ?? null,
    losses: record.losses,
    transferred: record.transferred,
    git_backend: record.gitBackend ?? null,
    duration_seconds: seconds(record),
    failure: record.error ? failureOf(record.error) : null,
  }
}

/** The allow-list of an error's context is an interface; a schema's record is not. */
const failureOf = ({ code, message, retryable, context }: SerializedError) => ({ code, message, retryable, context: { ...context } })

const seconds = (record: MigrationRecord): number => Math.round(durationMs(record) / 100) / 10
