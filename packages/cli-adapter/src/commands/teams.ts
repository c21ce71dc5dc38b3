import {
  GitHubClient, pairsOf, SaddleError, TeamsManager, toPermissionName, toTeamPermission,
  type PermissionChange, type PermissionReport, type Team, type TeamName,
} from '@saddle/core'
import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import { gitHubSettings } from '../environment.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions, TeamsBulkOptions, TeamsOptions } from '../options.ts'
import { textOf } from '../read-file.ts'
import { styleOf } from '../render/style.ts'
import { table } from '../render/table.ts'

/** `saddle teams list`: the teams of an organisation, or those of one repository with what they may do. */
export function listTeams(org: string, { repository, json, csv }: TeamsOptions, io: Io): Promise<ExitStatus> {
  return withManager(io, async (manager) => {
    const { signal } = io
    const teams: Team[] = []
    for await (const team of repository === undefined ? manager.teams(org, { signal }) : manager.teamsOf(org, repository, { signal })) teams.push(team)
    const rows = teams.map(({ id, slug, name, permission }) => ({ id, slug, name, permission: toPermissionName(permission) }))
    if (json) for (const row of rows) io.stdout.write(`${escapedJson({ type: 'team', ...row })}\n`)
    if (json) io.stdout.write(`${escapedJson({ type: 'report', org, ...(repository === undefined ? {} : { repository }), teams: rows.length })}\n`)
    else printRows(['id', 'slug', 'name', 'permission'], rows.map((row) => [String(row.id), row.slug, row.name, row.permission]), csv, io)
    return exitStatus.done
  })
}

/** `saddle teams set`: gives a team a permission on a repository. */
export function setTeam(place: string, team: string, permission: string, { json }: CommonOptions, io: Io): Promise<ExitStatus> {
  const { org, repository } = placeOf(place)
  const wanted = toTeamPermission(permission)
  return withManager(io, async (manager) => {
    await manager.set(org, repository, teamOf(team), wanted, { signal: io.signal })
    const name = toPermissionName(wanted)
    io.stdout.write(json ? `${escapedJson({ type: 'report', org, repository, team, permission: name })}\n` : `The team ${escape(team)} has ${name} on ${org}/${repository}.\n`)
    return exitStatus.done
  })
}

/** `saddle teams remove`: takes a repository away from a team. */
export function removeTeam(place: string, team: string, { json }: CommonOptions, io: Io): Promise<ExitStatus> {
  const { org, repository } = placeOf(place)
  return withManager(io, async (manager) => {
    await manager.remove(org, repository, teamOf(team), { signal: io.signal })
    io.stdout.write(json ? `${escapedJson({ type: 'report', org, repository, team, permission: 'none' })}\n` : `The team ${escape(team)} has nothing to do with ${org}/${repository}.\n`)
    return exitStatus.done
  })
}

/** `saddle teams bulk`: many changes at once, from options or from a CSV file, with what became of each. */
export async function bulkTeams(org: string, repositories: string[], options: TeamsBulkOptions, io: Io): Promise<ExitStatus> {
  const changes = options.file === undefined ? changesOf(repositories, options) : await changesIn(options.file)
  return withManager(
    io,
    async (manager) => {
      if (options.json) manager.on('team-update', ({ outcome }) => io.stdout.write(`${escapedJson({ type: 'change', ...rowOf(outcome) })}\n`))
      const report = await manager.apply(org, changes, { signal: io.signal })
      printReport(report, options, io)
      if (report.failed === 0) return exitStatus.done
      return report.successful > 0 ? exitStatus.partly : exitStatus.failed
    },
    options.concurrency,
  )
}

async function withManager(io: Io, use: (manager: TeamsManager) => Promise<ExitStatus>, concurrency?: number): Promise<ExitStatus> {
  const github = new GitHubClient(gitHubSettings(io.env))
  try {
    return await use(new TeamsManager({ github, concurrency }))
  } finally {
    await github.close()
  }
}

function changesOf(repositories: string[], { team: teams = [], permission }: TeamsBulkOptions): PermissionChange[] {
  if (repositories.length === 0 || teams.length === 0 || permission === undefined) {
    throw new SaddleError('INVALID_INPUT', 'Name repositories, at least one --team, and a --permission; or give a CSV file with --file.')
  }
  return pairsOf(repositories, teams.map(teamOf), permissionOf(permission))
}

/** Lines of `repository,team,permission`, under a header with these names in any order. */
async function changesIn(file: string): Promise<PermissionChange[]> {
  const text = await textOf(file, '--file')
  let rows: Record<string, string>[]
  try {
    rows = parse(text, { columns: (header: string[]) => header.map((name) => name.trim().toLowerCase()), bom: true, trim: true, skip_empty_lines: true })
  } catch (cause) {
    throw new SaddleError('INVALID_INPUT', `The file ${file} is not CSV: ${(cause as Error).message}.`, { cause, context: { option: 'file' } })
  }
  return rows.map(({ repository, team, permission }, index) => {
    if (repository && team && permission) return { repository, team: teamOf(team), permission: permissionOf(permission) }
    throw new SaddleError('INVALID_INPUT', `Line ${index + 2} of ${file} lacks repository, team or permission.`, { context: { option: 'file' } })
  })
}

const permissionOf = (name: string): PermissionChange['permission'] => (name.trim().toLowerCase() === 'none' ? 'none' : toTeamPermission(name))

/** Digits are an id; anything else is a slug. */
const teamOf = (name: string): TeamName => (/^\d+$/.test(name) ? { id: Number(name) } : { slug: name })

function placeOf(text: string): { org: string; repository: string } {
  const [org = '', repository = '', ...rest] = text.split('/')
  if (org && repository && rest.length === 0) return { org, repository }
  throw new SaddleError('INVALID_INPUT', `"${text}" is not a repository. Write it like organisation/repository.`)
}

const rowOf = ({ repository, team, permission, success, error }: PermissionReport['outcomes'][number]) => ({
  repository,
  team: team.slug ?? team.id,
  permission: toPermissionName(permission),
  success,
  ...(error ? { error } : {}),
})

function printReport(report: PermissionReport, { json, csv }: TeamsBulkOptions, io: Io): void {
  const { org, outcomes, successful, failed } = report
  if (json) {
    io.stdout.write(`${escapedJson({ type: 'report', org, total: outcomes.length, successful, failed })}\n`)
    return
  }
  const rows = outcomes.map((outcome) => {
    const { repository, team, permission, success, error } = rowOf(outcome)
    return [repository, String(team), permission, success ? 'done' : 'failed', error?.message ?? '']
  })
  printRows(['repository', 'team', 'permission', 'outcome', 'error'], rows, csv, io)
  if (!csv) io.stdout.write(`${successful} of ${outcomes.length} done, ${failed} failed.\n`)
}

function printRows(columns: string[], rows: string[][], csv: boolean | undefined, io: Io): void {
  if (csv) io.stdout.write(stringify([columns, ...rows], { escape_formulas: true }))
  else io.stdout.write(table(rows, columns.map((title, index) => ({ title, cell: (row: string[]) => escape(row[index] ?? '') })), styleOf(io.stdout, io.env)))
}
