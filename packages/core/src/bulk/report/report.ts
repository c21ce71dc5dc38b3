import type { MigrationStore } from '../../store/store.ts'
import { csvReport } from './csv.ts'
import { htmlReport } from './html.ts'
import { jsonReport } from './json.ts'
import { reportHead, reportRows } from './rows.ts'

/** The forms of {@link bulkReport}: for programs, for spreadsheets, for people. */
export const reportFormats = ['json', 'csv', 'html'] as const

/** One of {@link reportFormats}. */
export type ReportFormat = (typeof reportFormats)[number]

/**
 * A bulk migration's report, piece by piece, at any time: before its end it shows how far it is. The HTML page is complete
 * in itself.
 *
 * @throws SaddleError `NOT_FOUND`
 */
export async function* bulkReport(store: MigrationStore, bulkId: string, format: ReportFormat): AsyncGenerator<string> {
  const head = await reportHead(store, bulkId)
  const rows = () => reportRows(store, bulkId)
  switch (format) {
    case 'json':
      yield* jsonReport(head, rows())
      break
    case 'csv':
      yield* csvReport(rows())
      break
    case 'html':
      yield* htmlReport(head, rows)
  }
}
