import { parseRetryAfter } from '@saddle/transport'

/** What GitHub says to wait at least when a secondary limit names no time; it doubles with every further refusal. */
const leastWait = 60_000

/**
 * Milliseconds to wait when an answer is a rate limit's refusal, else undefined. In the order that GitHub documents:
 * `retry-after`; the reset of an exhausted primary limit; a minute, growing.
 *
 * @param refusals - how often the same request was refused so already
 */
export function limitWait(
  { status, headers, message }: { status: number; headers: Record<string, string>; message: string },
  refusals = 0,
  now = Date.now(),
): number | undefined {
  if (status !== 403 && status !== 429) return undefined
  const asked = parseRetryAfter(headers['retry-after'], now)
  const exhausted = headers['x-ratelimit-remaining'] === '0'
  const secondary = /secondary rate limit|abuse detection/i.test(message)
  if (status === 403 && asked === undefined && !exhausted && !secondary) return undefined
  if (asked !== undefined) return asked
  const reset = Number(headers['x-ratelimit-reset'])
  // A second more, since the reset is rounded down and clocks differ.
  if (exhausted && reset > 0) return Math.max(0, reset * 1000 - now) + 1000
  return leastWait * 2 ** refusals
}
