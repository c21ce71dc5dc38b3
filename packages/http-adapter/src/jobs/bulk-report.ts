import { stringify } from 'csv-stringify/sync'
import type { z } from 'zod'
import type { report } from '../schemas/bulk.ts'

type Report = z.output<typeof report>
type Row = Report['repositories'][number]

const columns = [
  'source', 'target', 'status', 'attempts', 'verified_refs', 'losses', 'bytes', 'start_time', 'end_time', 'elapsed_time', 'error', 'migration_id',
] as const satisfies readonly (keyof Row)[]

/** The report for a spreadsheet, which takes no cell of it for a formula. */
export function reportCsv({ repositories }: Report): string {
  const rows = repositories.map((row) => columns.map((column) => row[column] ?? ''))
  return stringify([[...columns], ...rows], { escape_formulas: true })
}

/** The report as a page that needs nothing else, for reading and printing. */
export function reportHtml(report: Report): string {
  const { bulk_migration_id: id, status, total_repositories: total, completed, failed, cancelled, start_time: start, end_time: end } = report
  const head = columns.map((column) => `<th>${column.replaceAll('_', ' ')}</th>`).join('')
  const body = report.repositories.map((row) => `<tr class="${row.status}">${columns.map((column) => `<td>${escapeHtml(String(row[column] ?? ''))}</td>`).join('')}</tr>`)
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Bulk migration ${escapeHtml(id)}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem}table{border-collapse:collapse}th,td{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}
tr.failed td{background:#fdecea}tr.cancelled td{background:#f2f2f2}tr.completed td:nth-child(3){color:#17692b}</style></head>
<body><h1>Bulk migration ${escapeHtml(id)}</h1>
<p>${status}: ${completed} of ${total} repositories completed, ${failed} failed, ${cancelled} cancelled. From ${start} to ${end ?? 'now'}.</p>
<table><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></body>
</html>
`
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
