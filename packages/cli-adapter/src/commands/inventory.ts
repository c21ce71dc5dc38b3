import { BitbucketClient, takeInventory, type InventoryRow } from '@saddle/core'
import { stringify } from 'csv-stringify/sync'
import { bitbucketSettings } from '../environment.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'
import { bytes, count, counted } from '../render/format.ts'
import { styleOf } from '../render/style.ts'
import { table } from '../render/table.ts'

/** `saddle inventory`; needs the source only. */
export async function inventory(projects: readonly string[], { json, csv }: CommonOptions & { csv?: boolean }, io: Io): Promise<ExitStatus> {
  const bitbucket = new BitbucketClient(bitbucketSettings(io.env))
  const rows: InventoryRow[] = []
  try {
    if (csv) io.stdout.write(stringify([csvColumns]))
    for await (const row of takeInventory(bitbucket, { projects, signal: io.signal })) {
      if (json) io.stdout.write(`${escapedJson(row)}\n`)
      else if (csv) io.stdout.write(stringify([csvColumns.map((column) => neutral(column === 'losses' ? row.losses.map(({ subject }) => subject) : row[column]))]))
      else rows.push(row)
    }
  } finally {
    await bitbucket.close()
  }
  if (!json && !csv) io.stdout.write(inventoryTable(rows, io))
  return exitStatus.done
}

/** The table of what is at the source. */
export function inventoryTable(rows: readonly InventoryRow[], io: Io): string {
  const style = styleOf(io.stdout, io.env)
  const total = rows.reduce((sum, { size }) => sum + (size ?? 0), 0)
  const text = table(rows, [
    { title: 'Repository', cell: ({ project, repository }) => escape(`${project}/${repository}`) },
    { title: 'Size', align: 'right', cell: ({ size }) => (size === undefined ? 'unknown' : bytes(size)), rank: 7 },
    { title: 'Default branch', cell: ({ defaultBranch }) => escape(defaultBranch ?? '–'), rank: 3 },
    { title: 'Branches', align: 'right', cell: ({ branches }) => count(branches), rank: 5 },
    { title: 'Tags', align: 'right', cell: ({ tags }) => count(tags), rank: 4 },
    { title: 'Last commit', cell: ({ lastCommit }) => lastCommit?.slice(0, 10) ?? '–', rank: 2 },
    { title: 'Notes', cell: ({ archived, forkOf, lfs }) => [archived && 'archived', lfs && 'LFS', forkOf && `fork of ${escape(forkOf)}`].filter(Boolean).join(', ') || '–', rank: 1 },
    { title: 'At GitHub', cell: ({ proposedName }) => escape(proposedName), rank: 6 },
    { title: 'Would be lost', cell: ({ losses, error }) => (error ? style.colour.red(escape(error.message)) : escape(losses.map(({ subject }) => subject).join(', ')) || 'nothing'), rank: 8 },
  ], style)
  return `${text}${counted(rows.length, 'repository', 'repositories')}, ${bytes(total)} where the size is known\n`
}

const csvColumns = [
  'project', 'repository', 'name', 'size', 'defaultBranch', 'branches', 'tags', 'lastCommit', 'lfs', 'archived', 'forkOf', 'proposedName', 'losses',
] as const satisfies (keyof InventoryRow)[]

/** A cell that a spreadsheet does not take for a formula: what begins like one gets an apostrophe in front. */
export function neutral(value: unknown): string {
  const text = Array.isArray(value) ? value.join('; ') : value === undefined ? '' : String(value as string)
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
}
