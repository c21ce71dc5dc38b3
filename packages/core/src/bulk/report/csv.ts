import { stringify, type Options } from 'csv-stringify'
import { Readable } from 'node:stream'
import type { ReportRow } from './rows.ts'
import { visible } from './text.ts'

const columns = [
  'source', 'target', 'url', 'status', 'attempts', 'refs_verified', 'refs_rejected', 'losses', 'bytes', 'started', 'ended', 'seconds',
  'error', 'message', 'migration_id',
]

/** A cell that a spreadsheet would take for a formula is given as text; names from elsewhere hide nothing. */
const options: Options = { header: true, columns, escape_formulas: true, record_delimiter: 'windows', cast: { string: visible } }

/** One line for each repository (RFC 4180), for spreadsheets. */
export async function* csvReport(rows: AsyncIterable<ReportRow>): AsyncGenerator<string> {
  const lines = Readable.from(cells(rows)).compose(stringify(options)) as AsyncIterable<Buffer | string>
  for await (const chunk of lines) yield chunk.toString()
}

async function* cells(rows: AsyncIterable<ReportRow>): AsyncGenerator<(string | number)[]> {
  for await (const row of rows) {
    yield [
      row.source,
      row.target,
      row.url ?? '',
      row.status,
      row.attempts,
      row.refsVerified,
      row.refsRejected.map(({ ref, reason }) => `${ref}: ${reason}`).join('; '),
      row.losses.map(({ subject, count, reason }) => `${subject}${count === undefined ? '' : ` (${count})`}: ${reason}`).join('; '),
      row.bytes,
      row.startedAt ?? '',
      row.endedAt ?? '',
      Math.round(row.durationMs / 100) / 10,
      row.error?.code ?? '',
      row.error?.message ?? '',
      row.migrationId,
    ]
  }
}
