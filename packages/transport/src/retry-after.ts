/** The three forms of a date in HTTP (RFC 9110, 5.6.7); `Date.parse` alone takes nearly anything for a date. */
const httpDate = /^(?:\w{3}, \d{2} \w{3} \d{4} [\d:]{8} GMT|\w{6,9}, \d{2}-\w{3}-\d{2} [\d:]{8} GMT|\w{3} \w{3} [ \d]\d [\d:]{8} \d{4})$/

/**
 * Reads a `Retry-After` header: a number of seconds or an HTTP date (RFC 9110, 10.2.3).
 *
 * @returns milliseconds to wait (0 when the date has passed), or undefined when the header is missing or makes no sense
 */
export function parseRetryAfter(header: string | null | undefined, now = Date.now()): number | undefined {
  const text = header?.trim()
  if (!text) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  if (!httpDate.test(text)) return undefined
  // The oldest form names no zone and means GMT.
  const at = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
