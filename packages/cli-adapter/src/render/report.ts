import { durationMs, type MigrationRecord } from '@saddle/core'
import { escape } from '../escape.ts'
import { bytes, count, duration } from './format.ts'
import { sign, type Style } from './style.ts'
import { table } from './table.ts'

/** What became of migrations, one a line. */
export function reportTable(records: readonly MigrationRecord[], style: Style): string {
  const { colour } = style
  return table(records, [
    { title: '', cell: ({ status }) => sign(({ completed: 'good', failed: 'bad', cancelled: 'warning', pending: 'warning', in_progress: 'warning' } as const)[status], style) },
    { title: 'Source', cell: ({ request: { source } }) => escape(`${source.project}/${source.repository}`) },
    { title: 'Target', cell: ({ request: { target } }) => escape(`${target.owner}/${target.name}`) },
    { title: 'Verified refs', align: 'right', cell: ({ refs }) => (refs ? count(refs.verified) : '–'), rank: 5 },
    { title: 'Objects', align: 'right', cell: ({ transferred }) => count(transferred.objects), rank: 3 },
    { title: 'Sent', align: 'right', cell: ({ transferred }) => bytes(transferred.bytes), rank: 4 },
    { title: 'Time', align: 'right', cell: (record) => duration(durationMs(record)), rank: 2 },
    { title: 'Losses', align: 'right', cell: ({ losses }) => (losses.length > 0 ? colour.yellow(count(losses.length)) : '0'), rank: 6 },
  ], style)
}

/** What does not arrive, one a line; empty when nothing was lost. */
export function lossLines({ losses }: Pick<MigrationRecord, 'losses'>, { colour }: Style): string {
  return losses.map(({ subject, reason, count: many }) => `${colour.yellow('not migrated:')} ${escape(subject)}${many === undefined ? '' : ` (${count(many)})`}: ${escape(reason)}\n`).join('')
}
