import type { BulkRecord, ProgressEvent } from '@saddle/core'
import type { Io } from '../io.ts'
import { styleOf } from './style.ts'

/** Shows the events of one or of many migrations as they come. */
export interface ProgressView {
  show(this: void, event: ProgressEvent): void
  /** Shows how far a bulk migration is as a whole. */
  total(this: void, bulk: BulkRecord): void
  /** Says something that is not about one migration; safe to show. Nothing, where programs read. */
  note(text: string): void
  /** Leaves the terminal as it was found; what was shown for good stays. */
  stop(): void
}

/** The view that fits: lines of JSON when they were asked for, bars before a person, plain lines otherwise. */
export async function progressView(io: Io, { json = false }: { json?: boolean | undefined } = {}): Promise<ProgressView> {
  if (json) return (await import('./progress-json.ts')).jsonView(io.stdout)
  const style = styleOf(io.stdout, io.env)
  if (style.interactive) return (await import('./progress-bars.ts')).barView(io.stdout, style)
  return (await import('./progress-lines.ts')).lineView(io.stdout, style)
}
