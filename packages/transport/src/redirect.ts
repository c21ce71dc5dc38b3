import { SaddleError, type ErrorContext } from './error.ts'
import type { HttpAnswer } from './http-types.ts'
import type { Redactor } from './redact.ts'

/** Whether an answer sends its reader elsewhere. */
export const isRedirect = ({ status, headers }: HttpAnswer): boolean =>
  status >= 300 && status < 400 && headers['location'] !== undefined

/** Where it leads; undefined when the location is no address. */
export function redirectTarget({ headers }: HttpAnswer, url: URL): URL | undefined {
  const location = headers['location'] ?? ''
  return URL.canParse(location, url.href) ? new URL(location, url) : undefined
}

/** The error of a redirect that is not followed. The query is left out: it can carry a ticket. */
export function redirected(url: URL, target: URL | undefined, context: ErrorContext, redactor: Redactor): SaddleError {
  const toTls = url.protocol === 'http:' && target?.protocol === 'https:' && target.hostname === url.hostname
  const message = toTls
    ? `${url.host} redirects to TLS. Begin the base URL with https:// instead of http://.`
    : `${url.host} redirects ${url.pathname} to ${target ? target.origin + target.pathname : 'nowhere'}; it was not followed, so that no ` +
      'credential reaches an unexpected place. Use the final address, or check that the credential is valid there.'
  return new SaddleError('REDIRECTED', message, { context, redactor })
}
