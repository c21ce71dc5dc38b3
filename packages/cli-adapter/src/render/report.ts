import { durationMs, showRefName, type Loss, type MigrationRecord, type MigrationStatus } from '@saddle/core'
import { escape } from '../escape.ts'
import { bytes, count, counted, duration } from './format.ts'
import { sign, type Style } from './style.ts'
import { table } from './table.ts'

/** Refused refs that are listed; the JSON report has all of them. */
const mostRefs = 20

/** Where a migration stands, as a sign. */
export function statusSign(status: MigrationStatus, style: Style): string {
  return sign(({ completed: 'good', failed: 'bad', cancelled: 'warning', pending: 'warning', in_progress: 'warning' } as const)[status], style)
}

/** What became of migrations, one a line. */
export function reportTable(records: readonly MigrationRecord[], style: Style): string {
  const { colour } = style
  return table(records, [
    { title: '', cell: ({ status }) => statusSign(status, style) },
    { title: 'Source', cell: ({ request: { source } }) => escape(`${source.project}/${source.repository}`) },
    { title: 'Target', cell: ({ request: { target } }) => escape(`${target.owner}/${target.name}`) },
    { title: 'Verified refs', align: 'right', cell: ({ refs }) => (refs ? count(refs.verified) : '–'), rank: 5 },
    { title: 'Objects', align: 'right', cell: ({ transferred }) => count(transferred.objects), rank: 3 },
    { title: 'Sent', align: 'right', cell: ({ transferred }) => bytes(transferred.bytes), rank: 4 },
    { title: 'Time', align: 'right', cell: (record) => duration(durationMs(record)), rank: 2 },
    { title: 'Losses', align: 'right', cell: ({ losses }) => (losses.length > 0 ? colour.yellow(count(losses.length)) : '0'), rank: 6 },
  ], style)
}

/** Everything worth saying about one migration that ended: the table, its refs, what does not arrive, what was refused. */
export function reportText(record: MigrationRecord, style: Style): string {
  const { refs, lfs, losses, status, targetRepository } = record
  const lines: string[] = []
  if (refs && status === 'completed') {
    const changed = [
      refs.created && `${count(refs.created)} created`,
      refs.updated && `${count(refs.updated)} updated`,
      refs.deleted && `${count(refs.deleted)} deleted`,
      refs.unchanged && `${count(refs.unchanged)} unchanged`,
    ].filter(Boolean)
    lines.push(`Refs: ${changed.join(', ') || 'none'}. ${counted(refs.verified, 'ref')} read back from the target and equal, hash for hash.`)
  }
  if (lfs) {
    const parts = [
      lfs.transferred && `${counted(lfs.transferred, 'object')} sent (${bytes(lfs.bytes)})`,
      lfs.present && `${count(lfs.present)} were there`,
      lfs.missing && style.colour.yellow(`${count(lfs.missing)} could not be had from the source`),
    ].filter(Boolean)
    lines.push(`Git LFS: ${parts.join(', ')}.`)
  }
  for (const { ref, reason, code } of refs?.rejected.slice(0, mostRefs) ?? []) {
    lines.push(`${style.colour.red('refused:')} ${showRefName(ref)}: ${escape(reason)} ${style.colour.dim(`(${escape(code)})`)}`)
  }
  const more = (refs?.rejected.length ?? 0) - mostRefs
  if (more > 0) lines.push(`  and ${counted(more, 'more ref')}; --json lists them all`)
  lines.push(...losses.map((loss) => lossText(loss, style)))
  if (targetRepository && status === 'completed') lines.push(`See ${escape(targetRepository.url)}`)
  return reportTable([record], style) + lines.map((line) => `${line}\n`).join('')
}

/** One thing that does not arrive. */
export function lossText({ subject, reason, count: many }: Loss, { colour }: Style): string {
  return `${colour.yellow('not migrated:')} ${escape(subject)}${many === undefined ? '' : ` (${count(many)})`}: ${escape(reason)}`
}
