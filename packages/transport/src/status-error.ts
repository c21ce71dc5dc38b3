import { readBytes } from './body.ts'
import { SaddleError, type ErrorContext } from './error.ts'
import type { HttpAnswer } from './http-types.ts'
import type { Redactor } from './redact.ts'
import { parseRetryAfter } from './retry-after.ts'

const bodyLimit = 64 * 1024
/** Patience with the body of an error, in milliseconds: its status says enough. */
const bodyTime = 10_000

/** An answer with status 400 or above, with the beginning of its body. */
export interface FailedAnswer {
  status: number
  headers: Record<string, string>
  /** At most 64 KiB of the body, redacted. */
  text: string
  context: ErrorContext
  redactor: Redactor
}

/** Reads the beginning of an answer that is an error, and makes one of it. */
export async function readFailure(
  { status, headers, body }: HttpAnswer,
  { errorOf = statusError, context, redactor }: { errorOf?: ((answer: FailedAnswer) => SaddleError) | undefined } & Pick<FailedAnswer, 'context' | 'redactor'>,
): Promise<SaddleError> {
  const timer = setTimeout(() => body.destroy(), bodyTime).unref()
  const text = await readBytes(body, bodyLimit, true).then(String, () => '')
  clearTimeout(timer)
  const retryAfter = parseRetryAfter(headers['retry-after'])
  const requestId = headers['x-github-request-id'] ?? headers['x-arequestid']
  return errorOf({
    status,
    headers,
    text: redactor.redact(text),
    context: {
      ...context,
      status,
      ...(requestId === undefined ? {} : { requestId }),
      ...(retryAfter === undefined ? {} : { retryAfter: retryAfter / 1000 }),
    },
    redactor,
  })
}

/** The error of an answer by its status alone, for servers without error bodies worth reading. */
export function statusError({ status, text, context, redactor }: FailedAnswer): SaddleError {
  const host = context.host ?? 'The server'
  const at = context.path ? ` for ${context.path}` : ''
  const options = { context, redactor }
  switch (status) {
    case 400:
      // What nginx, Apache, Tomcat and Go say on a TLS port to a client that speaks plain HTTP.
      if (/HTTPS port|SSL-enabled server port|requires TLS|HTTPS server/i.test(text)) {
        return new SaddleError('INVALID_INPUT', `${host} speaks TLS on this port. Begin the base URL with https:// instead of http://.`, options)
      }
      return new SaddleError('PROTOCOL_ERROR', `${host} does not understand the request${at} (400).`, options)
    case 401:
      return new SaddleError('AUTHENTICATION_FAILED', `${host} does not accept the credentials${at} (401). Check them.`, options)
    case 403:
      return new SaddleError('FORBIDDEN', `${host} forbids the request${at} (403). Check the permissions of the credentials.`, options)
    case 404:
      return new SaddleError('NOT_FOUND', `${host} has nothing${at} (404), or the credentials may not see it.`, options)
    case 407:
      return new SaddleError('AUTHENTICATION_FAILED', 'The proxy demands credentials (407). Put them into the address of the proxy.', options)
    case 408:
      return new SaddleError('TIMEOUT', `${host} gave up waiting for the request${at} (408).`, options)
    case 409:
      return new SaddleError('CONFLICT', `${host} reports a conflict${at} (409).`, options)
    case 429:
      return new SaddleError('RATE_LIMITED', `${host} limits the rate of requests (429).`, options)
  }
  if (status >= 500) return new SaddleError('UPSTREAM_ERROR', `${host} failed${at} (${status}).`, { ...options, retryable: status !== 501 })
  return new SaddleError('PROTOCOL_ERROR', `${host} refused the request${at} (${status}).`, options)
}
