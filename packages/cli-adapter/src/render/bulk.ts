import { elapsedMs, overallPercentage, secondsLeft, type BulkItem, type BulkPlan, type BulkRecord } from '@saddle/core'
import stringWidth from 'string-width'
import { escape } from '../escape.ts'
import { bytes, count, counted, duration } from './format.ts'
import { statusSign } from './report.ts'
import { sign, type Style } from './style.ts'
import { table } from './table.ts'

/** Repositories that a table has in any case; of more than that, those that did not arrive. */
const mostRows = 60
/** Problems and repositories that a plan names one by one. */
const mostLines = 40

/** How far a bulk migration is: `12/300 arrived`, `2 failed`, `8 under way`, `34%`, `3 min left`. */
export function totalFacts(bulk: BulkRecord): string[] {
  const { completed, failed, cancelled, in_progress: running, total } = bulk.counts
  const left = secondsLeft(bulk)
  return [
    `${count(completed)}/${count(total)} arrived`,
    ...(failed ? [`${count(failed)} failed`] : []),
    ...(cancelled ? [`${count(cancelled)} cancelled`] : []),
    ...(running ? [`${count(running)} under way`] : []),
    `${overallPercentage(bulk)}%`,
    ...(bulk.bytes ? [bytes(bulk.bytes)] : []),
    ...(left === undefined ? [] : [`${duration(left * 1000)} left`]),
  ]
}

/** The whole as a bar with as many facts as there is room for. Narrower than the terminal. */
export function totalLine(bulk: BulkRecord, width: number, colour: Style['colour']): string {
  const size = Math.max(4, Math.min(24, Math.floor(width / 6)))
  const full = Math.round((size * overallPercentage(bulk)) / 100)
  let text = ''
  for (const fact of totalFacts(bulk)) {
    const longer = text ? `${text} · ${fact}` : fact
    if (stringWidth(longer) > width - size - 10) break
    text = longer
  }
  return `${colour.bold('Total')}  ${colour.green('█'.repeat(full))}${colour.dim('░'.repeat(size - full))}  ${text}`
}

/** What became of the repositories, and a line about the whole. */
export function bulkText(bulk: BulkRecord, items: readonly BulkItem[], style: Style): string {
  const rows = items.length <= mostRows ? items : items.filter(({ status }) => status !== 'completed').slice(0, mostRows)
  const { completed, failed, cancelled, total } = bulk.counts
  const outcome = [
    `${count(completed)} of ${counted(total, 'repository', 'repositories')} arrived and verified`,
    ...(failed ? [style.colour.red(`${count(failed)} failed`)] : []),
    ...(cancelled ? [style.colour.yellow(`${count(cancelled)} cancelled`)] : []),
  ]
  const more = rows.length < items.length - completed ? `${counted(items.length - completed - rows.length, 'more repository', 'more repositories')} did not arrive; a report lists them all (--report).\n` : ''
  return `${rows.length > 0 ? itemTable(rows, style) : ''}${more}${outcome.join(', ')}, ${bytes(bulk.bytes)} sent in ${duration(elapsedMs(bulk))}.\n`
}

/** Bulk migrations, one a line. */
export function bulkTable(bulks: readonly BulkRecord[], style: Style): string {
  return table(bulks, [
    { title: 'Id', cell: ({ id }) => escape(id) },
    { title: 'Started (UTC)', cell: ({ startedAt, createdAt }) => (startedAt ?? createdAt).slice(0, 16).replace('T', ' '), rank: 3 },
    { title: 'Status', cell: ({ status }) => `${statusSign(status, style)} ${status}` },
    { title: 'From', cell: ({ label }) => escape(label), rank: 2 },
    { title: 'Arrived', align: 'right', cell: ({ counts }) => `${count(counts.completed)}/${count(counts.total)}`, rank: 5 },
    { title: 'Failed', align: 'right', cell: ({ counts }) => count(counts.failed), rank: 4 },
    { title: 'Time', align: 'right', cell: (bulk) => duration(elapsedMs(bulk)), rank: 1 },
  ], style)
}

function itemTable(items: readonly BulkItem[], style: Style): string {
  return table(items, [
    { title: '', cell: ({ status }) => statusSign(status, style) },
    { title: 'Source', cell: ({ request: { source } }) => escape(`${source.project}/${source.repository}`) },
    { title: 'Target', cell: ({ request: { target } }) => escape(`${target.owner}/${target.name}`), rank: 6 },
    { title: 'Verified refs', align: 'right', cell: ({ verifiedRefs }) => (verifiedRefs === undefined ? '–' : count(verifiedRefs)), rank: 5 },
    { title: 'Sent', align: 'right', cell: ({ bytes: sent }) => bytes(sent), rank: 3 },
    { title: 'Time', align: 'right', cell: (item) => duration(elapsedMs(item)), rank: 2 },
    { title: 'Losses', align: 'right', cell: ({ losses }) => count(losses), rank: 4 },
    { title: 'Failure', cell: ({ error }) => (error ? error.code : ''), rank: 7 },
  ], style)
}

/** What a bulk migration would do, and what is in its way. */
export function planText({ items, problems }: BulkPlan, style: Style): string {
  const lines = problems.slice(0, mostLines).map(({ severity, message }) => `${sign(severity === 'error' ? 'bad' : 'warning', style)} ${escape(message)}`)
  if (problems.length > mostLines) lines.push(`  and ${counted(problems.length - mostLines, 'more problem')}`)
  const shown = items.slice(0, mostLines).map(({ request: { source, target }, sizeBytes }) =>
    `  ${escape(`${source.project}/${source.repository}`)} → ${escape(`${target.owner}/${target.name}`)}, ${target.visibility}${sizeBytes === undefined ? '' : `, ${bytes(sizeBytes)}`}`)
  if (items.length > mostLines) shown.push(`  and ${counted(items.length - mostLines, 'more repository', 'more repositories')}`)
  return [...lines, `${counted(items.length, 'repository', 'repositories')} to move:`, ...shown].map((line) => `${line}\n`).join('')
}
