import type { GitHubClient, TargetRepository } from '@saddle/github-client'
import { SaddleError } from '@saddle/transport'
import pLimit from 'p-limit'
import type { MigrationRecord } from '../record.ts'
import { sourceName, targetName, type NormalizedRequest } from '../request.ts'
import { nameProblem } from '../steps/name-problem.ts'
import { grouped, linesOf, type BulkProblem, type Placed } from './problems.ts'

/** What it takes to know the target's names. */
export interface TargetProblemOptions {
  github: GitHubClient
  /** What the store remembers of the same source and target. */
  earlier: (request: NormalizedRequest) => Promise<MigrationRecord[]>
  signal?: AbortSignal | undefined
}

/** Repositories that one request lists. */
const pageSize = 100

/**
 * Finds names that the target has already and that no earlier migration of the same source made, and names that it ought to
 * have and has not. An owner's repositories are listed rather than asked for one by one. Where they may not be listed, a
 * warning says so, and each repository's own migration finds out.
 */
export async function targetProblems(items: readonly Placed[], options: TargetProblemOptions): Promise<BulkProblem[]> {
  const owners = grouped(items, ({ request }) => request.target.owner.toLowerCase())
  const problems = await Promise.all(owners.map((group) => problemsOf(group, options)))
  return problems.flat()
}

async function problemsOf(items: readonly [Placed, ...Placed[]], { github, earlier, signal }: TargetProblemOptions): Promise<BulkProblem[]> {
  const { owner } = items[0].request.target
  let names: TargetNames
  try {
    names = await TargetNames.read(github, owner, items, signal)
  } catch (thrown) {
    const { code, message } = SaddleError.from(thrown)
    const sources = items.map(({ request }) => sourceName(request))
    if (code === 'NOT_FOUND') return [{ severity: 'error', code, message, sources }]
    if (code !== 'FORBIDDEN') throw thrown
    return [{ severity: 'warning', code, message: `Which names ${owner} has already could not be seen beforehand: ${message} Each repository is looked at when its turn comes.`, sources: [] }]
  }
  const limit = pLimit(16)
  const problems = await Promise.all(
    items.map((item) =>
      limit(async (): Promise<BulkProblem[]> => {
        const { request } = item
        const found = await names.get(request)
        // Most names are free, and nobody is asked who made what is not there.
        const mine = found && !request.target.existing ? await earlier(request) : []
        const problem = nameProblem(request, found, { journal: [], earlier: mine })
        return problem ? [{ ...problem, sources: [sourceName(request)], ...linesOf([item]) }] : []
      }),
    ),
  )
  return problems.flat()
}

/** What bears the wanted names at one owner. */
class TargetNames {
  private constructor(
    readonly github: GitHubClient,
    readonly signal: AbortSignal | undefined,
    readonly found: ReadonlyMap<string, TargetRepository>,
    /** Whether the list was read to its end, or to that of the wanted names. */
    readonly complete: boolean,
  ) {}

  /** Lists as long as that takes fewer requests than to ask for each of the names. */
  static async read(github: GitHubClient, owner: string, items: readonly Placed[], signal: AbortSignal | undefined): Promise<TargetNames> {
    const wanted = new Set(items.map(({ request }) => targetName(request).toLowerCase()))
    const found = new Map<string, TargetRepository>()
    let listed = 0
    for await (const repository of github.repositories(owner, { signal })) {
      const name = repository.fullName.toLowerCase()
      if (wanted.has(name)) found.set(name, repository)
      if (found.size === wanted.size) break
      if (++listed >= wanted.size * pageSize) return new TargetNames(github, signal, found, false)
    }
    return new TargetNames(github, signal, found, true)
  }

  /** The repository of that name; looked for once more where it is missing from a list and ought to be there. */
  async get(request: NormalizedRequest): Promise<TargetRepository | undefined> {
    const { owner, name, existing } = request.target
    const listed = this.found.get(targetName(request).toLowerCase())
    if (listed || (this.complete && !existing)) return listed
    return this.github.repository(owner, name, { signal: this.signal }).catch(unseen)
  }
}

/** What the credentials may not see is as good as not there: the plan goes on with the others. */
function unseen(error: unknown): undefined {
  if (SaddleError.from(error).code !== 'FORBIDDEN') throw error
}
