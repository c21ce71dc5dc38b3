import type { GitHubClient, RepositoryPermissions, TargetRepository, Team, TeamPermission, TeamReference } from '@saddle/github-client'
import { SafeEmitter, SaddleError, throwIfAborted, type CallOptions } from '@saddle/transport'
import pLimit from 'p-limit'
import type {
  OrganizationRepositories, OrganizationSummary, PermissionChange, PermissionOutcome, PermissionReport, TeamName, TeamsEvents,
  TeamsProgress, VisibilityFilter,
} from './types.ts'

/** Options of {@link TeamsManager}. */
export interface TeamsManagerOptions {
  github: GitHubClient
  /** Changes at once. 8 by default; the client's budget keeps them within GitHub's limits in any case. */
  concurrency?: number | undefined
}

const defaultConcurrency = 8

/** Highest first. */
const permissions = ['admin', 'maintain', 'push', 'triage', 'pull'] as const satisfies readonly (keyof RepositoryPermissions)[]

/**
 * Teams of a GitHub organisation and what they may do with its repositories. Every method fails with a
 * {@link SaddleError}; see `GitHubClient` for the codes.
 *
 * @example
 * ```ts
 * import { TeamsManager } from '@saddle/core'
 *
 * const teams = new TeamsManager({ github })
 * for await (const { name, permission } of teams.teamsOf('acme', 'app')) console.log(name, permission)
 * ```
 */
export class TeamsManager extends SafeEmitter<TeamsEvents> {
  readonly #github: GitHubClient
  readonly #concurrency: number

  constructor({ github, concurrency = defaultConcurrency }: TeamsManagerOptions) {
    super()
    this.#github = github
    this.#concurrency = Math.max(1, concurrency)
  }

  /** The teams of an organisation. */
  teams(org: string, { signal }: CallOptions = {}): AsyncIterable<Team> {
    return this.#github.teams(org, { signal })
  }

  /** The teams that may do something with a repository, with what they may. */
  teamsOf(org: string, repository: string, { signal }: CallOptions = {}): AsyncIterable<Team> {
    return this.#github.teamsOfRepository(org, repository, { signal })
  }

  /** The repositories of an organisation, narrowed by visibility; the counts are those of what is listed. */
  async repositories(org: string, filter: VisibilityFilter = {}, { signal }: CallOptions = {}): Promise<OrganizationRepositories> {
    const counts = { total: 0, private: 0, internal: 0, public: 0 }
    const repositories: TargetRepository[] = []
    for await (const repository of this.#github.organizationRepositories(org, { signal })) {
      if (filter[repository.visibility] === false) continue
      repositories.push(repository)
      counts.total++
      counts[repository.visibility]++
    }
    return { repositories, counts }
  }

  /** How many repositories there are, by visibility and by what the caller may do with them. */
  async summary(org: string, { signal }: CallOptions = {}): Promise<OrganizationSummary> {
    const summary: OrganizationSummary = {
      total: 0,
      archived: 0,
      visibility: { private: 0, internal: 0, public: 0 },
      permission: { admin: 0, maintain: 0, push: 0, triage: 0, pull: 0, none: 0 },
    }
    for await (const { visibility, archived, permissions: has } of this.#github.organizationRepositories(org, { signal })) {
      summary.total++
      if (archived) summary.archived++
      summary.visibility[visibility]++
      summary.permission[permissions.find((one) => has?.[one]) ?? 'none']++
    }
    return summary
  }

  /** Gives a team a permission on a repository, in place of the one it has. */
  set(org: string, repository: string, team: TeamName, permission: TeamPermission, { signal }: CallOptions = {}): Promise<void> {
    return this.#github.setTeamPermission({ org, repo: repository, permission, ...reference(team) }, { signal })
  }

  /** Takes a repository away from a team; no error when the team did not have it. */
  remove(org: string, repository: string, team: TeamName, { signal }: CallOptions = {}): Promise<void> {
    return this.#github.removeTeam({ org, repo: repository, ...reference(team) }, { signal })
  }

  /**
   * Makes many changes, several at once. One that fails stops no other: the report says what became of each.
   *
   * @throws SaddleError `ABORTED` when the signal fires; what has been changed until then stays
   */
  async apply(org: string, changes: readonly PermissionChange[], { signal }: CallOptions = {}): Promise<PermissionReport> {
    const total = changes.length
    const limit = pLimit(this.#concurrency)
    let done = 0
    this.#report({ type: 'teams-start', org, total })
    const outcomes = await Promise.all(
      changes.map((change) =>
        limit(async () => {
          const outcome = await this.#outcome(org, change, signal)
          this.#report({ type: 'team-update', org, index: ++done, total, outcome })
          return outcome
        }),
      ),
    ).finally(() => limit.clearQueue())
    const successful = outcomes.filter(({ success }) => success).length
    const failed = total - successful
    this.#report({ type: 'teams-end', org, total, successful, failed })
    return { org, outcomes, successful, failed }
  }

  async #outcome(org: string, change: PermissionChange, signal: AbortSignal | undefined): Promise<PermissionOutcome> {
    const { repository, team, permission } = change
    throwIfAborted(signal)
    try {
      if (permission === 'none') await this.remove(org, repository, team, { signal })
      else await this.set(org, repository, team, permission, { signal })
      return { ...change, success: true }
    } catch (thrown) {
      throwIfAborted(signal)
      return { ...change, success: false, error: SaddleError.from(thrown).toJSON() }
    }
  }

  #report(event: TeamsProgress): void {
    this.emit('progress', event)
    this.emit(event.type, event)
  }
}

/** Every repository with every team, each pair once. */
export function pairsOf(repositories: readonly string[], teams: readonly TeamName[], permission: PermissionChange['permission']): PermissionChange[] {
  const names = [...new Map(repositories.map((name) => [name.toLowerCase(), name])).values()]
  const unique = [...new Map(teams.map((team) => [team.id ?? team.slug, team])).values()]
  return names.flatMap((repository) => unique.map((team) => ({ repository, team, permission })))
}

const reference = ({ slug, id }: TeamName): TeamReference => (slug === undefined ? { teamId: id } : { teamSlug: slug })
