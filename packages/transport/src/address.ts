import { SaddleError } from './error.ts'

/**
 * The base URL of a client, checked: `http` or `https`, no credentials, no query, no slash at the end of its path.
 *
 * @throws SaddleError `INVALID_INPUT`, or `ADDRESS_NOT_ALLOWED` for a host that is not among the allowed ones
 */
export function parseBaseUrl(value: string | URL, allowedHosts: readonly string[] | undefined): URL {
  const fail = (reason: string, cause?: unknown) =>
    new SaddleError('INVALID_INPUT', `The base URL ${reason}`, { cause, context: { option: 'baseUrl' } })
  const text = String(value)
  if (hasControls(text)) throw fail('contains line breaks or other control characters.')
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw fail('is not an address. Write it like https://bitbucket.example.com.', cause)
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw fail(`begins with ${url.protocol} and only https: (or http:) is spoken.`)
  if (url.username || url.password) throw fail('carries credentials. Give them as `auth` instead; addresses end up in logs.')
  // What the URL parser makes of decimal, hexadecimal and IPv4-mapped addresses is what is compared and spoken to.
  if (allowedHosts && !allowedHosts.some((entry) => entry.toLowerCase() === url.host)) {
    throw new SaddleError(
      'ADDRESS_NOT_ALLOWED',
      `The host ${url.host} is not among those that this installation allows (${allowedHosts.join(', ') || 'none'}).`,
      { context: { host: url.host, option: 'allowedHosts' } },
    )
  }
  url.hash = ''
  url.search = ''
  url.pathname = url.pathname.replace(/\/+$/, '')
  return url
}

/** Whether credentials sent to it travel in clear: plain `http` to another machine than this one. */
export const isInsecure = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && !/^(?:localhost|.*\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)

/** Whether a text contains what the URL parser drops in silence and a header or a log would obey. */
export const hasControls = (text: string): boolean => /\p{Cc}/u.test(text)
