import { elapsedMs, overallPercentage, secondsLeft, stepNames, type BulkItem, type BulkRecord } from '@saddle/core'
import type { z } from 'zod'
import type * as schema from '../schemas/bulk.ts'
import { labels } from '../schemas/migration.ts'
import { currentStep, stepsCompleted } from './translate.ts'

/** A bulk migration in numbers. */
export function bulkSummaryOf(bulk: BulkRecord): z.output<typeof schema.summary> {
  const { id, status, counts, createdAt, startedAt, endedAt } = bulk
  const { total, pending, in_progress, completed, failed, cancelled } = counts
  return {
    bulk_migration_id: id,
    status,
    total_repositories: total,
    completed,
    failed,
    in_progress,
    pending,
    cancelled,
    overall_progress: overallPercentage(bulk),
    start_time: startedAt ?? createdAt,
    end_time: endedAt ?? null,
    elapsed_time: seconds(elapsedMs(bulk)),
    seconds_left: secondsLeft(bulk) ?? null,
  }
}

/** A bulk migration with repositories of it, by slug. */
export function bulkStatusOf(bulk: BulkRecord, items: readonly BulkItem[]): z.output<typeof schema.bulkStatus> {
  return { ...bulkSummaryOf(bulk), repositories: Object.fromEntries(items.map((item) => [item.request.source.repository, repositoryOf(item)])) }
}

/** A bulk migration with all that became of its repositories, in the order of work. */
export function bulkReportOf(bulk: BulkRecord, items: readonly BulkItem[]): z.output<typeof schema.report> {
  return {
    ...bulkSummaryOf(bulk),
    repositories: items.map((item) => ({
      source: `${item.request.source.project}/${item.request.source.repository}`,
      target: `${item.request.target.owner}/${item.request.target.name}`,
      migration_id: item.migrationId,
      status: item.status,
      attempts: item.attempts,
      verified_refs: item.verifiedRefs ?? null,
      losses: item.losses,
      bytes: item.bytes,
      start_time: item.startedAt ?? null,
      end_time: item.endedAt ?? null,
      elapsed_time: seconds(elapsedMs(item)),
      error: item.error?.message ?? null,
    })),
  }
}

function repositoryOf(item: BulkItem): z.output<typeof schema.repositoryStatus> {
  const { status, step, bytes, percentage, stepsCompleted: done, error, migrationId } = item
  const place = { step, bytes, transferred: done > stepNames.indexOf('transfer-git') }
  return {
    status,
    current_step: currentStep(status, place),
    total_progress: percentage,
    steps_completed: stepsCompleted(status, place),
    total_steps: labels.length,
    elapsed_time: seconds(elapsedMs(item)),
    error: error?.message ?? null,
    migration_id: migrationId,
  }
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10
