import type { ErrorCode } from '@saddle/transport'
import type { MigrationStatus } from '../../record.ts'
import { elapsedMs } from '../record.ts'
import { chart } from './chart.ts'
import { remedies } from './remedies.ts'
import type { ReportHead, ReportRow } from './rows.ts'
import { style } from './style.ts'
import { ReportSummary } from './summary.ts'
import { bytesText, countText, durationText, href, html, momentText } from './text.ts'

const signs: Readonly<Record<MigrationStatus, string>> = {
  completed: '<span class="good">✓ arrived</span>',
  failed: '<span class="bad">✗ failed</span>',
  cancelled: '<span class="some">– cancelled</span>',
  in_progress: '… under way',
  pending: '· waiting',
}

/** What needs attention comes first. */
const order: readonly MigrationStatus[] = ['failed', 'cancelled', 'in_progress', 'pending', 'completed']

/**
 * The run as one page that needs nothing else: no script, no other file, no network. Names and messages come from elsewhere
 * and are shown, never obeyed.
 *
 * @param rows - called once for each time the rows are read
 */
export async function* htmlReport({ bulk, at }: ReportHead, rows: () => AsyncIterable<ReportRow>): AsyncGenerator<string> {
  const summary = new ReportSummary()
  for await (const row of rows()) summary.add(row)
  const { label, counts, startedAt, endedAt, status } = bulk
  const title = `Migration of ${label}`
  yield `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${html(title)}</title><style>${style}</style></head><body>
<h1>${html(title)}</h1>
<p>${headline(counts, status)}</p>
<p class="dim">${startedAt === undefined ? 'Not started yet' : `Started ${momentText(startedAt)}`}${endedAt === undefined ? '' : `, ended ${momentText(endedAt)}`}. This page shows the state of ${momentText(at)}. Id <code>${html(bulk.id)}</code></p>
${cards(bulk, summary)}
<h2>Verification</h2>
<p>${verification(counts.completed, summary)}</p>
${over(summary, counts.total)}${errors(summary)}${losses(summary)}
<h2>Repositories</h2>
<div class="table"><table><thead><tr><th>Outcome</th><th>From</th><th>To</th><th class="number">Refs verified</th><th class="number">Sent</th><th class="number">Time</th><th>Remarks</th></tr></thead><tbody>
`
  for (const wanted of order) {
    if (counts[wanted] === 0) continue
    for await (const row of rows()) if (row.status === wanted) yield tableRow(row)
  }
  yield '</tbody></table></div></body></html>\n'
}

function headline({ total, completed, failed, cancelled }: ReportHead['bulk']['counts'], status: MigrationStatus): string {
  const all = `${countText(total)} ${total === 1 ? 'repository' : 'repositories'}`
  if (status === 'completed') return `All ${all} arrived and were verified.`
  const parts = [
    `${countText(completed)} of ${all} arrived and were verified`,
    ...(failed ? [`<span class="bad">${countText(failed)} failed</span>`] : []),
    ...(cancelled ? [`<span class="some">${countText(cancelled)} cancelled</span>`] : []),
    ...(status === 'in_progress' || status === 'pending' ? ['the rest is under way or waits'] : []),
  ]
  return `${parts.join(', ')}.`
}

function cards(bulk: ReportHead['bulk'], { refsVerified, bytes, withLosses }: ReportSummary): string {
  const { total, completed, failed, cancelled, pending, in_progress: running } = bulk.counts
  const card = (value: string, name: string, tone = '') => `<div class="card"><b class="${tone}">${value}</b><span>${name}</span></div>`
  return `<div class="cards">${[
    card(countText(total), 'repositories'),
    card(countText(completed), 'arrived', 'good'),
    card(countText(failed), 'failed', failed ? 'bad' : ''),
    ...(cancelled ? [card(countText(cancelled), 'cancelled', 'some')] : []),
    ...(running + pending ? [card(countText(running + pending), 'not done yet')] : []),
    card(durationText(elapsedMs(bulk)), 'duration'),
    card(bytesText(bytes), 'history sent'),
    card(countText(refsVerified), 'refs verified'),
    card(countText(withLosses), 'with something left behind', withLosses ? 'some' : ''),
  ].join('')}</div>`
}

function verification(completed: number, { refsVerified, refsRejected }: ReportSummary): string {
  if (completed === 0) return 'No repository has been verified yet.'
  const refused = refsRejected ? ` The target refused ${refsText(refsRejected)} of repositories that failed; see below.` : ''
  return `For each repository that arrived, every branch, tag and note was read back from the target and is the same, hash for hash: ${refsText(refsVerified)} in ${countText(completed)} ${completed === 1 ? 'repository' : 'repositories'}. A commit's hash covers its whole history.${refused}`
}

const refsText = (count: number): string => `${countText(count)} ${count === 1 ? 'ref' : 'refs'}`

function over({ spans }: ReportSummary, total: number): string {
  const drawing = chart(spans, total)
  if (!drawing) return ''
  const key = (name: string, colour: string) => `<span><i style="background:var(--${colour})"></i>${name}</span>`
  return `<h2>The run over time</h2>\n<div class="wide">${drawing}</div>\n<p class="legend dim">${key('arrived', 'good-area')}${key('failed or cancelled', 'bad-area')}${key('under way at once', 'run')}</p>\n`
}

function errors({ errors: found }: ReportSummary): string {
  if (found.size === 0) return ''
  const items = [...found].sort(([, a], [, b]) => b.repositories - a.repositories).map(([code, { repositories, examples }]) => {
    const shown = examples.map(({ source, message }) => `<li><b>${html(source)}</b>: ${html(message)}</li>`).join('')
    const more = repositories > examples.length ? `<li class="dim">and ${countText(repositories - examples.length)} more, in the table below</li>` : ''
    return `<tr><td class="code"><code>${html(code)}</code></td><td class="number">${countText(repositories)}</td><td class="text">${html(remedies[code as ErrorCode] ?? '')}<ul>${shown}${more}</ul></td></tr>`
  })
  return `<h2>What went wrong, and what to do</h2>\n<div class="table"><table><thead><tr><th>Failure</th><th class="number">Repositories</th><th>What to do</th></tr></thead><tbody>${items.join('\n')}</tbody></table></div>\n`
}

function losses({ losses: found }: ReportSummary): string {
  if (found.size === 0) return '<h2>Left behind</h2>\n<p>Nothing that was seen at the source was left behind.</p>\n'
  const items = [...found.values()].sort((a, b) => b.repositories - a.repositories).map(
    ({ subject, reason, repositories, count }) =>
      `<tr><td class="name">${html(subject)}</td><td class="number">${countText(count)}</td><td class="number">${countText(repositories)}</td><td class="text">${html(reason)}</td></tr>`,
  )
  return `<h2>Left behind</h2>\n<div class="table"><table><thead><tr><th>What</th><th class="number">How many</th><th class="number">Repositories</th><th>Why</th></tr></thead><tbody>${items.join('\n')}</tbody></table></div>\n`
}

function tableRow(row: ReportRow): string {
  const link = row.url === undefined ? undefined : href(row.url)
  const target = link ? `<a href="${link}" rel="noreferrer">${html(row.target)}</a>` : html(row.target)
  const again = row.attempts > 1 ? `<span class="dim">${row.attempts} attempts</span>` : ''
  const refused = row.refsRejected.map(({ ref, reason }) => `<li><code>${html(ref)}</code>: ${html(reason)}</li>`).join('')
  const lost = row.losses.map(({ subject, count, reason }) => `<li>${html(subject)}${count === undefined ? '' : ` (${countText(count)})`}: ${html(reason)}</li>`).join('')
  const remarks = [
    row.error ? `<span class="bad">${html(row.error.message)}</span>` : '',
    refused ? `<details><summary>${refsText(row.refsRejected.length)} refused</summary><ul>${refused}</ul></details>` : '',
    lost ? `<details><summary>${row.losses.length} left behind</summary><ul>${lost}</ul></details>` : '',
    again,
  ]
  const done = row.status === 'completed'
  return `<tr><td class="status">${signs[row.status]}</td><td class="name">${html(row.source)}</td><td class="name">${target}</td><td class="number">${done ? countText(row.refsVerified) : '–'}</td><td class="number">${bytesText(row.bytes)}</td><td class="number">${row.startedAt === undefined ? '–' : durationText(row.durationMs)}</td><td class="text">${remarks.filter(Boolean).join(' ')}</td></tr>
`
}
