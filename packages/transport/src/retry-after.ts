/**
 * Reads a `Retry-After` header: a number of seconds or an HTTP date (RFC 9110, 10.2.3).
 *
 * @returns milliseconds to wait (0 when the date has passed), or undefined when the header is missing or makes no sense
 */
export function parseRetryAfter(header: string | null | undefined, now = Date.now()): number | undefined {
  const text = header?.trim()
  if (!text) return undefined
  if (/^\d+$/.test(text)) return Number(text) * 1000
  // A date of HTTP always names its time zone and a weekday; without this check, `Date.parse` accepts nearly anything.
  if (!/^[A-Za-z]{3,9},? .*\d{2}:\d{2}:\d{2}/.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
