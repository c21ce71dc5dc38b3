import { isFinal, type MigrationStatus } from '../../record.ts'
import { sourceName, targetName } from '../../request.ts'
import type { Loss } from '../../ledger.ts'
import type { MigrationStore } from '../../store/store.ts'
import { bulkFailures } from '../failures.ts'
import { bulkItems } from '../items.ts'
import { elapsedMs, type BulkRecord } from '../record.ts'
import type { SerializedError } from '@saddle/transport'

/** One repository of a bulk migration in a report: what the bulk migration and the migration's own record say together. */
export interface ReportRow {
  /** `PROJECT/slug` */
  source: string
  /** `owner/name` */
  target: string
  /** For browsers; absent when the repository was not reached. */
  url?: string
  status: MigrationStatus
  attempts: number
  /** ISO 8601, UTC; of the latest attempt. */
  startedAt?: string
  endedAt?: string
  /** Of the latest attempt. */
  durationMs: number
  /** Pack bytes sent. */
  bytes: number
  /** Refs read back from the target and found equal to the source's. */
  refsVerified: number
  /** Refs that the target refused. */
  refsRejected: { ref: string; code: string; reason: string }[]
  losses: Loss[]
  error?: SerializedError
  migrationId: string
}

/** A report's head: the bulk migration, and the moment at which it was looked at. */
export interface ReportHead {
  bulk: BulkRecord
  /** ISO 8601, UTC */
  at: string
}

/** The head of a report; `NOT_FOUND` for an unknown bulk migration. */
export async function reportHead(store: MigrationStore, bulkId: string): Promise<ReportHead> {
  const bulk = await store.bulks.get(bulkId)
  if (!bulk) throw bulkFailures.unknown(bulkId)
  return { bulk, at: new Date().toISOString() }
}

/** All repositories in the order of work. */
export async function* reportRows(store: MigrationStore, bulkId: string): AsyncGenerator<ReportRow> {
  for await (const item of bulkItems(store.bulks, bulkId)) {
    const record = await store.getMigration(item.migrationId)
    const { request, status, attempts, startedAt, endedAt, bytes, error, migrationId } = item
    const now = isFinal(status) && endedAt !== undefined ? Date.parse(endedAt) : Date.now()
    yield {
      source: sourceName(request),
      target: targetName(request),
      ...(record?.targetRepository ? { url: record.targetRepository.url } : {}),
      status,
      attempts,
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(endedAt === undefined ? {} : { endedAt }),
      durationMs: elapsedMs(item, now),
      bytes,
      refsVerified: record?.refs?.verified ?? item.verifiedRefs ?? 0,
      refsRejected: record?.refs?.rejected ?? [],
      losses: record?.losses ?? [],
      ...(error ? { error } : {}),
      migrationId,
    }
  }
}
