import type { AnswerHead, Headers, ToldLimit } from '@saddle/transport'

/**
 * The bucket of a user's requests, where the server's answers tell of it: capacity, tokens that are added in each interval,
 * and how many are left. Source: "Adjusting your code for rate limiting" of Atlassian's Data Center documentation. Servers
 * without a limit, and versions that tell nothing, yield undefined.
 */
export function toldLimit(headers: Headers): ToldLimit | undefined {
  const number = (name: string) => Number(headers[`x-ratelimit-${name}`] || NaN)
  const [amount, fill, seconds, left] = [number('limit'), number('fillrate'), number('interval-seconds'), number('remaining')]
  if (!(amount > 0 && fill > 0 && seconds > 0)) return undefined
  return { rate: { amount, intervalMs: (amount / fill) * seconds * 1000 }, ...(left >= 0 ? { left } : {}) }
}

/** The vendor's preset: 60 tokens, five more each second. Halved, this stays the time in which a bucket fills. */
const preset = { amount: 60, intervalMs: 12_000 }
/** Below this, waiting for a refused request to be tried again costs less than keeping to a limit that may not be so low. */
const leastAmount = 15
/** Above this, an assumption keeps nobody back. */
const mostAmount = 16 * preset.amount
/** After so many milliseconds without a refusal, the limit is taken to be higher than was assumed. */
const riseAfterMs = 60_000

/**
 * The limit of one server and user as far as its answers show it. A server that refuses and tells nothing is taken to have the
 * vendor's preset, half of that for each refusal that comes all the same, and twice as much after each minute without one:
 * `docs/decisions/016-a-limit-that-nobody-tells.md`.
 */
export class ServerLimit {
  #isTold = false
  #assumed: { amount: number; since: number } | undefined

  /** What an answer shows. */
  readonly of = ({ status, headers, sentAt }: AnswerHead): ToldLimit | undefined => {
    const told = toldLimit(headers)
    if (told) {
      this.#isTold = true
      return told
    }
    if (this.#isTold) return undefined
    if (status !== 429) return this.#risen(sentAt)
    // A server that says how long to wait is waited for.
    if (headers['retry-after'] !== undefined) return undefined
    // What was under way when the limit changed says nothing about it.
    if (this.#assumed && sentAt < this.#assumed.since) return undefined
    const amount = this.#assumed ? Math.max(leastAmount, this.#assumed.amount / 2) : preset.amount
    this.#assumed = { amount, since: performance.now() }
    return { rate: { amount, intervalMs: preset.intervalMs }, left: 0, assumed: true }
  }

  #risen(now: number): ToldLimit | undefined {
    if (!this.#assumed || this.#assumed.amount >= mostAmount || now - this.#assumed.since < riseAfterMs) return undefined
    const amount = this.#assumed.amount * 2
    this.#assumed = { amount, since: now }
    return { rate: { amount, intervalMs: preset.intervalMs }, assumed: true }
  }
}
