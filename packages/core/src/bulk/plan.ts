import type { BitbucketClient, Repository } from '@saddle/bitbucket-client'
import { SaddleError } from '@saddle/transport'
import pLimit from 'p-limit'
import picomatch from 'picomatch'
import { normalizeRequest, parseRequest, sourceName, targetName, type MigrationRequest, type NormalizedRequest } from '../request.ts'
import { parseMap } from './csv-map.ts'
import { linesOf, shared, type BulkProblem, type Placed, type PlannedItem } from './problems.ts'
import { parseBulkRequest, type BulkRequest, type BulkSource } from './request.ts'
import { targetProblems, type TargetProblemOptions } from './target-problems.ts'

/** What a bulk migration would do, and what is in its way. Nothing was written anywhere. */
export interface BulkPlan {
  /** What it is made from, for lists. */
  label: string
  /** In the order of work: the largest first where sizes are known. */
  items: PlannedItem[]
  /** All that is wrong with it. With a problem of severity `error` it cannot be started. */
  problems: BulkProblem[]
}

/** What planning needs. */
export interface PlanBulkOptions extends TargetProblemOptions {
  bitbucket: BitbucketClient
}

/** Asking for the size of each repository costs a request each, so it is done up to this number. */
const sizesUpTo = 1000

interface Wanted {
  request: MigrationRequest
  line?: number
}

type Known = Map<string, Repository>

/**
 * Finds the repositories of a bulk migration and everything that would go wrong for all to see beforehand: unknown
 * repositories, duplicates, different sources for one target (names differ by case, or become equal when translated),
 * names that the target has already, lines and requests that are not valid.
 *
 * @throws SaddleError `INVALID_INPUT` when the request as a whole is not valid; the failures of a server that cannot be asked
 * at all
 */
export async function planBulk(input: unknown, { bitbucket, signal, ...target }: PlanBulkOptions): Promise<BulkPlan> {
  const bulk = parseBulkRequest(input)
  const problems: BulkProblem[] = []
  const projects = new ProjectLists(bitbucket, signal)
  const wanted = bulk.source ? await fromProject(bulk, bulk.source, projects, problems) : fromList(bulk, problems)
  const found: { item: PlannedItem; repository: Repository; line?: number }[] = []
  for (const { request, line } of wanted) {
    const repository = await find(request, projects, problems, line)
    if (repository) found.push({ item: { request: normalize(request, repository, bulk) }, repository, ...(line === undefined ? {} : { line }) })
  }
  const items = found.map(({ item, line }) => ({ ...item, line }))
  const [taken] = await Promise.all([targetProblems(items, { ...target, signal }), addSizes(found, bitbucket, signal)])
  problems.push(...duplicates(items), ...collisions(items), ...taken)
  if (items.length === 0 && problems.length === 0) {
    problems.push({ severity: 'error', code: 'NOT_FOUND', message: 'No repository matches; there is nothing to move.', sources: [] })
  }
  return {
    label: bulk.source?.project ?? `${wanted.length} ${wanted.length === 1 ? 'repository' : 'repositories'}`,
    items: found.map(({ item }) => item).sort((a, b) => (b.sizeBytes ?? -1) - (a.sizeBytes ?? -1)),
    problems,
  }
}

/** Each project is listed once, however many of its repositories are wanted. */
class ProjectLists {
  readonly #lists = new Map<string, Promise<Known | SaddleError>>()

  constructor(readonly bitbucket: BitbucketClient, readonly signal: AbortSignal | undefined) {}

  /** The repositories by lower-case slug, or why the project cannot be seen. */
  repositories(project: string): Promise<Known | SaddleError> {
    const key = project.toLowerCase()
    const known = this.#lists.get(key) ?? this.#list(project)
    this.#lists.set(key, known)
    return known
  }

  async #list(project: string): Promise<Known | SaddleError> {
    const repositories: Known = new Map()
    try {
      for await (const repository of this.bitbucket.repositories(project, { signal: this.signal })) {
        repositories.set(repository.slug.toLowerCase(), repository)
      }
      return repositories
    } catch (thrown) {
      const error = SaddleError.from(thrown)
      if (error.code === 'NOT_FOUND' || error.code === 'FORBIDDEN') return error
      throw error
    }
  }
}

async function fromProject(bulk: BulkRequest, source: BulkSource, projects: ProjectLists, problems: BulkProblem[]): Promise<Wanted[]> {
  const { project, repositories, include, exclude, archived = true } = source
  const listed = await projects.repositories(project)
  if (SaddleError.is(listed)) {
    problems.push({ severity: 'error', code: listed.code, message: `The project ${project} cannot be read: ${listed.message}`, sources: [] })
    return []
  }
  const included = matcher(include)
  const excluded = matcher(exclude)
  for (const glob of include ?? []) {
    const matches = matcher([glob])
    if ([...listed.keys()].some(matches)) continue
    problems.push({ severity: 'warning', code: 'NOT_FOUND', message: `No repository of ${project} matches "${glob}".`, sources: [] })
  }
  return (repositories ?? [...listed.values()].map(({ slug }) => slug))
    .filter((slug) => (!include || included(slug)) && !excluded(slug))
    .filter((slug) => archived || !listed.get(slug.toLowerCase())?.archived)
    .map((slug) => ({ request: { source: { project, repository: slug }, target: { owner: bulk.target?.owner ?? '' } } }))
}

function fromList(bulk: BulkRequest, problems: BulkProblem[]): Wanted[] {
  const rows = bulk.map === undefined ? (bulk.requests ?? []).map((request) => ({ request })) : parseMap(bulk.map, bulk.target?.owner)
  return rows.flatMap((row: { request?: MigrationRequest; problem?: string; line?: number }, index) => {
    const where = row.line === undefined ? `Request ${index + 1}` : `Line ${row.line}`
    const lines = row.line === undefined ? {} : { lines: [row.line] }
    if (row.problem !== undefined) {
      problems.push({ severity: 'error', code: 'INVALID_INPUT', message: `${where}: ${row.problem}.`, sources: [], ...lines })
      return []
    }
    try {
      return [{ request: parseRequest(row.request), ...(row.line === undefined ? {} : { line: row.line }) }]
    } catch (error) {
      problems.push({ severity: 'error', code: 'INVALID_INPUT', message: `${where}: ${(error as Error).message}`, sources: [], ...lines })
      return []
    }
  })
}

async function find({ source }: MigrationRequest, projects: ProjectLists, problems: BulkProblem[], line?: number): Promise<Repository | undefined> {
  const listed = await projects.repositories(source.project)
  const name = `${source.project}/${source.repository}`
  const lines = line === undefined ? {} : { lines: [line] }
  if (SaddleError.is(listed)) {
    const message = `${name} cannot be read: ${listed.message}`
    problems.push({ severity: 'error', code: listed.code, message, sources: [name], ...lines })
    return undefined
  }
  const repository = listed.get(source.repository.toLowerCase())
  if (repository) return repository
  const message = `There is no repository ${name} at the source, or the credentials may not see it. Check the slug, which can differ from the name.`
  problems.push({ severity: 'error', code: 'NOT_FOUND', message, sources: [name], ...lines })
  return undefined
}

/** The request as the migration will see it, under the names by which the server knows the repository. */
function normalize({ target, options }: MigrationRequest, { projectKey, slug }: Repository, bulk: BulkRequest): NormalizedRequest {
  const { visibility, existing } = bulk.target ?? {}
  return normalizeRequest({
    source: { project: projectKey, repository: slug },
    target: { ...(visibility ? { visibility } : {}), ...(existing === undefined ? {} : { existing }), ...target },
    options: { ...bulk.options, ...options },
  })
}

async function addSizes(found: { item: PlannedItem; repository: Repository }[], bitbucket: BitbucketClient, signal?: AbortSignal): Promise<void> {
  const limit = pLimit(16)
  const ask = found.length <= sizesUpTo
  await Promise.all(
    found.map(({ item, repository: { projectKey, slug, size } }) =>
      limit(async () => {
        const bytes = size ?? (ask ? (await bitbucket.size(projectKey, slug, { signal }).catch(onlyAbort))?.repository : undefined)
        if (bytes !== undefined) item.sizeBytes = bytes
      }),
    ),
  )
}

/** A size helps to order the work and is worth no failure; an abort is one. */
function onlyAbort(error: unknown): undefined {
  if (SaddleError.from(error).code === 'ABORTED') throw error
  return undefined
}

const sourceOf = ({ request }: PlannedItem): string => sourceName(request)
const targetOf = ({ request }: PlannedItem): string => targetName(request)

function duplicates(items: readonly Placed[]): BulkProblem[] {
  return shared(items, (item) => sourceOf(item).toLowerCase()).map((group) => ({
    severity: 'error',
    code: 'CONFLICT',
    message: `${sourceOf(group[0])} is named ${group.length} times${atLines(group)}. Name it once.`,
    sources: [sourceOf(group[0])],
    ...linesOf(group),
  }))
}

function collisions(items: readonly Placed[]): BulkProblem[] {
  return shared(items, (item) => targetOf(item).toLowerCase()).flatMap((group) => {
    const sources = [...new Set(group.map(sourceOf))]
    if (sources.length < 2) return []
    const targets = [...new Set(group.map(targetOf))]
    const why = targets.length > 1 ? `, which are one name to the target (case does not count)` : ''
    const message = `${sources.join(' and ')} would all become ${targets.join(' and ')}${why}${atLines(group)}. Give one of them another name with a map.`
    return [{ severity: 'error' as const, code: 'CONFLICT' as const, message, sources, ...linesOf(group) }]
  })
}

function atLines(group: readonly Placed[]): string {
  const { lines } = linesOf(group)
  return lines ? ` (lines ${lines.join(', ')})` : ''
}

function matcher(patterns: readonly string[] | undefined): (slug: string) => boolean {
  if (!patterns?.length) return () => false
  const matches = picomatch([...patterns], { nocase: true, dot: true })
  return (slug) => matches(slug)
}
