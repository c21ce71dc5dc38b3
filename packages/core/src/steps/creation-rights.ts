import type { AccessReport, GitHubClient } from '@saddle/github-client'
import type { CallOptions } from '@saddle/transport'

/** How long an answer is good for, in milliseconds. */
const rememberMs = 60_000

/**
 * Whether the credentials may create repositories for an owner. A yes is remembered for a minute, and shared by those who ask
 * at the same time, so that many migrations to one organisation do not ask for each of their repositories; whatever is
 * missing is asked for again.
 */
export class CreationRights {
  readonly #github: GitHubClient
  readonly #granted = new Map<string, { report: AccessReport; until: number }>()
  readonly #asking = new Map<string, Promise<AccessReport>>()

  constructor(github: GitHubClient) {
    this.#github = github
  }

  /** What `GitHubClient.checkAccess` says of an owner. */
  async read(owner: string, options: CallOptions = {}): Promise<AccessReport> {
    const key = owner.toLowerCase()
    const known = this.#granted.get(key)
    if (known && Date.now() < known.until) return known.report
    const underWay = this.#asking.get(key)
    if (underWay) {
      // Who asked first may be cancelled; then the next asks.
      const shared = await underWay.catch(() => undefined)
      if (shared?.missing.length === 0) return shared
    }
    this.#granted.delete(key)
    const asking = this.#github.checkAccess(owner, undefined, options)
    this.#asking.set(key, asking)
    try {
      const report = await asking
      if (report.missing.length === 0) this.#granted.set(key, { report, until: Date.now() + rememberMs })
      return report
    } finally {
      if (this.#asking.get(key) === asking) this.#asking.delete(key)
    }
  }
}
