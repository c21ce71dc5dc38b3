import type { ServerResponse } from 'node:http'
import { gitHubError } from './errors.ts'
import type { GitHubOptions } from './options.ts'

interface Window {
  start: number
  requests: number
}

/** The primary limit of an hour and the secondary limits, each counted by identity. */
export class Limits {
  readonly #options: GitHubOptions
  readonly #hours = new Map<string, Window>()
  readonly #minutes = new Map<string, { start: number; points: number; created: number }>()
  #running = 0

  constructor(options: GitHubOptions) {
    this.#options = options
  }

  /** Counts a request; sets the headers that tell how much is left. Throws GitHub's answer when it is too much. */
  count(who: string, method: string, creates: boolean, response: ServerResponse): void {
    const { primaryLimit: limit = 5000, secondaryLimits } = this.#options
    const hour = current(this.#hours, who, 3_600_000, () => ({ start: Date.now(), requests: 0 }))
    const reset = Math.ceil((hour.start + 3_600_000) / 1000)
    const over = hour.requests >= limit
    if (!over) hour.requests++
    const tell = { limit, remaining: limit - hour.requests, used: hour.requests, reset, resource: 'core' }
    for (const [name, value] of Object.entries(tell)) response.setHeader(`x-ratelimit-${name}`, String(value))
    if (over) throw gitHubError(403, `API rate limit exceeded for ${who}.`)
    if (secondaryLimits) this.#countSecondary(who, method, creates, secondaryLimits, response)
  }

  /** What GET /rate_limit tells. Asking is not counted. */
  overview(who: string): { limit: number; remaining: number; used: number; reset: number } {
    const { primaryLimit: limit = 5000 } = this.#options
    const hour = current(this.#hours, who, 3_600_000, () => ({ start: Date.now(), requests: 0 }))
    return { limit, remaining: limit - hour.requests, used: hour.requests, reset: Math.ceil((hour.start + 3_600_000) / 1000) }
  }

  #countSecondary(who: string, method: string, creates: boolean, limits: NonNullable<GitHubOptions['secondaryLimits']>, response: ServerResponse): void {
    const { pointsPerMinute = Infinity, contentPerMinute = Infinity, concurrent = Infinity } = limits
    const minute = current(this.#minutes, who, 60_000, () => ({ start: Date.now(), points: 0, created: 0 }))
    minute.points += method === 'GET' || method === 'HEAD' ? 1 : 5
    if (creates) minute.created++
    this.#running++
    response.once('close', () => this.#running--)
    if (minute.points <= pointsPerMinute && minute.created <= contentPerMinute && this.#running <= concurrent) return
    const wait = Math.max(1, Math.ceil((minute.start + 60_000 - Date.now()) / 1000))
    throw gitHubError(403, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.', undefined, { 'retry-after': String(wait) })
  }
}

function current<T extends { start: number }>(windows: Map<string, T>, who: string, length: number, fresh: () => T): T {
  let window = windows.get(who)
  if (!window || Date.now() - window.start >= length) windows.set(who, (window = fresh()))
  return window
}
