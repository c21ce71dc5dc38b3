import type { Headers, ToldLimit } from '@saddle/transport'

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
