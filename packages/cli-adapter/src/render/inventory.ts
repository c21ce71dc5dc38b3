import type { InventoryRow } from '@saddle/core'
import { escape } from '../escape.ts'
import { bytes, count, counted } from './format.ts'
import type { Style } from './style.ts'
import { table } from './table.ts'

/** The table of what is at the source, with a line of totals. */
export function inventoryTable(rows: readonly InventoryRow[], style: Style): string {
  const { colour } = style
  const text = table(rows, [
    { title: 'Repository', cell: ({ project, repository }) => escape(`${project}/${repository}`) },
    { title: 'Size', align: 'right', cell: ({ size }) => (size === undefined ? '?' : bytes(size)), rank: 7 },
    { title: 'Default branch', cell: ({ defaultBranch }) => escape(defaultBranch ?? '–'), rank: 3 },
    { title: 'Branches', align: 'right', cell: ({ branches, error }) => (error ? '?' : count(branches)), rank: 5 },
    { title: 'Tags', align: 'right', cell: ({ tags, error }) => (error ? '?' : count(tags)), rank: 4 },
    { title: 'Last commit', cell: ({ lastCommit }) => lastCommit?.slice(0, 10) ?? '–', rank: 2 },
    { title: 'Is', cell: natures, rank: 1 },
    { title: 'Name at GitHub', cell: ({ proposedName, nameTakenBy }) => (nameTakenBy === undefined ? escape(proposedName) : colour.red(`${escape(proposedName)} (taken by ${escape(nameTakenBy)})`)), rank: 6 },
    { title: 'Would be lost', cell: (row) => (row.error ? colour.red(row.error.code) : row.losses.length > 0 ? colour.yellow(escape(lossesOf(row))) : 'nothing'), rank: 8 },
  ], style)
  const known = rows.filter(({ size }) => size !== undefined)
  const size = known.reduce((sum, row) => sum + (row.size ?? 0), 0)
  const unknown = rows.length - known.length
  const lines = [
    `${counted(rows.length, 'repository', 'repositories')}, ${bytes(size)}${unknown > 0 ? ` and ${count(unknown)} of unknown size (Bitbucket tells sizes to a user with a password, not to tokens)` : ''}`,
    ...rows.flatMap(({ project, repository, error }) => (error ? [`${colour.red('unreadable:')} ${escape(`${project}/${repository}`)}: ${escape(error.message)}`] : [])),
  ]
  return text + lines.map((line) => `${line}\n`).join('')
}

/** The columns of the CSV form. */
export const inventoryColumns = [
  'project', 'repository', 'name', 'size', 'default_branch', 'branches', 'tags', 'last_commit', 'lfs', 'archived', 'fork_of', 'proposed_name',
  'name_taken_by', 'would_be_lost', 'error',
] as const

/** One row for each of {@link inventoryColumns}; safe to show, empty where nothing is known. */
export function inventoryCells(row: InventoryRow): string[] {
  const { project, repository, name, size, defaultBranch, lastCommit, lfs, archived, forkOf, proposedName, nameTakenBy, error } = row
  const counts = error ? [undefined, undefined] : [row.branches, row.tags]
  return [project, repository, name, size, defaultBranch, ...counts, lastCommit, lfs, archived, forkOf, proposedName, nameTakenBy, lossesOf(row), error?.message]
    .map((value) => escape(String(value ?? '')))
}

const lossesOf = ({ losses }: InventoryRow): string => losses.map(({ subject }) => subject).join('; ')

const natures = ({ archived, forkOf, lfs, personal }: InventoryRow): string =>
  [archived && 'archived', personal && 'personal', lfs && 'LFS', forkOf && `fork of ${escape(forkOf)}`].filter(Boolean).join(', ') || '–'
