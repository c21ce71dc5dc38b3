import { isFinal } from '../../record.ts'
import type { Span } from './chart.ts'
import type { ReportRow } from './rows.ts'

/** What a page says above its table; gathered row by row, so that no row has to be kept. */
export class ReportSummary {
  readonly spans: Span[] = []
  /** By code: how many repositories, and the first few of their texts. */
  readonly errors = new Map<string, { repositories: number; examples: { source: string; message: string }[] }>()
  /** By kind and reason. */
  readonly losses = new Map<string, { subject: string; reason: string; repositories: number; count: number }>()
  refsVerified = 0
  refsRejected = 0
  bytes = 0
  withLosses = 0

  add(row: ReportRow): void {
    const { startedAt, endedAt, status, error, losses } = row
    if (startedAt !== undefined) {
      const start = Date.parse(startedAt)
      const end = isFinal(status) && endedAt !== undefined ? Date.parse(endedAt) : start + row.durationMs
      this.spans.push({ start: Math.min(start, end), end, status })
    }
    this.refsVerified += status === 'completed' ? row.refsVerified : 0
    this.refsRejected += row.refsRejected.length
    this.bytes += row.bytes
    if (error) {
      const entry = this.errors.get(error.code) ?? { repositories: 0, examples: [] }
      this.errors.set(error.code, entry)
      entry.repositories++
      if (entry.examples.length < 5) entry.examples.push({ source: row.source, message: error.message })
    }
    if (losses.length > 0) this.withLosses++
    for (const { kind, subject, reason, count } of losses) {
      // What is said of many repositories is said once.
      const key = `${kind}\n${reason}`
      const entry = this.losses.get(key) ?? { subject: kind, reason, repositories: 0, count: 0 }
      this.losses.set(key, entry)
      if (entry.repositories === 0) entry.subject = subject
      entry.repositories++
      entry.count += count ?? 1
    }
  }
}
