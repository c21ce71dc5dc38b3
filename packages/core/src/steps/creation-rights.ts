import type { AccessReport, GitHubClient } from '@saddle/github-client'
import type { CallOptions } from '@saddle/transport'

/** How long an answer is good for, in milliseconds. */
const rememberMs = 60_000

/**
 * Whether the credentials may create repositories for an owner. A yes is remembered for a minute, so that many migrations to
 * one organisation do not ask for each of their repositories; whatever is missing is asked for again.
 */
export class CreationRights {
  readonly #github: GitHubClient
  readonly #granted = new Map<string, { report: AccessReport; until: number }>()

  constructor(github: GitHubClient) {
    this.#github = github
  }

  /** What `GitHubClient.checkAccess` says of an owner. */
  async read(owner: string, options: CallOptions = {}): Promise<AccessReport> {
    const key = owner.toLowerCase()
    const known = this.#granted.get(key)
    if (known && Date.now() < known.until) return known.report
    this.#granted.delete(key)
    const report = await this.#github.checkAccess(owner, undefined, options)
    if (report.missing.length === 0) this.#granted.set(key, { report, until: Date.now() + rememberMs })
    return report
  }
}
