import type { ServerResponse } from 'node:http'
import { gitHubError } from './errors.ts'
import type { Actor } from './model.ts'
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
  readonly #running = new Map<string, number>()

  constructor(options: GitHubOptions) {
    this.#options = options
  }

  /** Counts a request; sets the headers that tell how much is left. Throws GitHub's answer when it is too much. */
  count(who: string, method: string, creates: boolean, response: ServerResponse): void {
    const { primaryLimit: limit = 5000, secondaryLimits } = this.#options
    const hour = this.#hour(who)
    const reset = this.#reset(hour)
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
    const hour = this.#hour(who)
    return { limit, remaining: limit - hour.requests, used: hour.requests, reset: this.#reset(hour) }
  }

  get #window(): number {
    return (this.#options.primaryWindowSeconds ?? 3600) * 1000
  }

  #hour(who: string): Window {
    return current(this.#hours, who, this.#window, () => ({ start: Date.now(), requests: 0 }))
  }

  /** Seconds since the epoch. */
  #reset({ start }: Window): number {
    return Math.ceil((start + this.#window) / 1000)
  }

  #countSecondary(who: string, method: string, creates: boolean, limits: NonNullable<GitHubOptions['secondaryLimits']>, response: ServerResponse): void {
    const { pointsPerMinute = Infinity, contentPerMinute = Infinity, concurrent = Infinity } = limits
    const minute = current(this.#minutes, who, 60_000, () => ({ start: Date.now(), points: 0, created: 0 }))
    minute.points += method === 'GET' || method === 'HEAD' ? 1 : 5
    if (creates) minute.created++
    const running = (this.#running.get(who) ?? 0) + 1
    this.#running.set(who, running)
    response.once('close', () => this.#running.set(who, this.#running.get(who)! - 1))
    if (minute.points <= pointsPerMinute && minute.created <= contentPerMinute && running <= concurrent) return
    const wait = limits.retryAfterSeconds ?? Math.max(1, Math.ceil((minute.start + 60_000 - Date.now()) / 1000))
    throw gitHubError(403, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.', undefined, { 'retry-after': String(wait) })
  }
}

/** By which name requests are counted together. */
export function identityOf(actor: Actor): string {
  if (actor.kind === 'user') return `user ID ${actor.user.id}`
  return actor.kind === 'installation' ? `installation ID ${actor.installation.id}` : actor.kind
}

function current<T extends { start: number }>(windows: Map<string, T>, who: string, length: number, fresh: () => T): T {
  let window = windows.get(who)
  if (!window || Date.now() - window.start >= length) windows.set(who, (window = fresh()))
  return window
}
