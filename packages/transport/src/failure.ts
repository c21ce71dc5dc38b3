import { abortError } from './abort.ts'
import { SaddleError, type ErrorCode, type ErrorContext } from './error.ts'
import type { Redactor } from './redact.ts'

/**
 * Turns what Node and undici throw when no answer came (or came whole) into a {@link SaddleError} that says what to do.
 *
 * @param signal - the request's; when it has fired, whatever was thrown is a consequence of that
 */
export function connectionFailure(thrown: unknown, context: ErrorContext, redactor?: Redactor, signal?: AbortSignal): SaddleError {
  if (SaddleError.is(thrown)) return thrown
  const { host = 'the server' } = context
  const options = { cause: thrown, context, ...(redactor ? { redactor } : {}) }
  if (signal?.aborted) return abortError(signal, options)
  const code = codeOf(thrown)
  // An undici error of this code tells of a request that the other side ended; its name looks like our own abort.
  if (thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError') && code !== 'UND_ERR_ABORTED') {
    return SaddleError.from(thrown, 'ABORTED', options)
  }
  if (/^Proxy .*\b407\b/.test(messageOf(thrown))) {
    return new SaddleError('AUTHENTICATION_FAILED', 'The proxy demands credentials (407). Put them into the address of the proxy.', options)
  }
  const known = texts.find(({ when }) => when.test(code))
  if (known) return new SaddleError(known.code, known.text(host, code), options)
  const detail = code && code !== 'UND_ERR_ABORTED' ? code : messageOf(thrown)
  return new SaddleError('NETWORK', `The connection to ${host} failed (${detail}).`, options)
}

/** The first that fits an error's code. */
const texts: readonly { when: RegExp; code: ErrorCode; text: (host: string, code: string) => string }[] = [
  {
    when: /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/,
    code: 'TLS',
    text: (host) => `${host} does not speak TLS on this port. Check the port; if the server has no TLS, begin its address with http://.`,
  },
  {
    when: /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    code: 'TLS',
    text: (host, code) => `The certificate of ${host} is for another name (${code}). Use the name that it was issued for.`,
  },
  {
    when: /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|CERT_REVOKED)$/,
    code: 'TLS',
    text: (host, code) => `The certificate of ${host} is not valid now (${code}). It has to be renewed on the server; check this machine's clock, too.`,
  },
  {
    when: /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_SSL|ERR_TLS)/,
    code: 'TLS',
    text: (host, code) =>
      `The certificate of ${host} is not trusted (${code}). If a private authority signed it, give that authority's ` +
      'certificate as `ca` (command: SADDLE_CA_FILE).',
  },
  { when: /^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/, code: 'TIMEOUT', text: timeoutText('no connection came about') },
  { when: /^UND_ERR_HEADERS_TIMEOUT$/, code: 'TIMEOUT', text: timeoutText('the answer did not begin') },
  { when: /^UND_ERR_BODY_TIMEOUT$/, code: 'TIMEOUT', text: timeoutText('the answer stopped coming') },
  {
    when: /^(ENOTFOUND|EAI_AGAIN)$/,
    code: 'NETWORK',
    text: (host) => `The host name of ${host} cannot be resolved. Check the address.`,
  },
  {
    when: /^ECONNREFUSED$/,
    code: 'NETWORK',
    text: (host) => `${host} refuses connections. Check address and port, and that it is running.`,
  },
  {
    // Also what a server with TLS does to a client that speaks plain HTTP, and the other way round behind some proxies.
    when: /^UND_ERR_SOCKET$/,
    code: 'NETWORK',
    text: (host, code) =>
      `${host} ended the connection without a whole answer (${code}). If it does so every time, check whether its address begins with https:// or http://.`,
  },
  {
    when: /^(HPE_|UND_ERR_HEADERS_OVERFLOW)/,
    code: 'PROTOCOL_ERROR',
    text: (host, code) => `${host} does not speak HTTP on this port (${code}). Check the address; an SSH port, for example, does not serve it.`,
  },
  {
    when: /^Z_/,
    code: 'PROTOCOL_ERROR',
    text: (host, code) => `${host} sent an answer that cannot be uncompressed (${code}).`,
  },
  {
    when: /^(UND_ERR_INVALID_ARG|ERR_INVALID_CHAR|ERR_HTTP_INVALID_HEADER_VALUE)$/,
    code: 'INVALID_INPUT',
    text: (host) => `The request to ${host} cannot be sent: a header, an address or a proxy setting contains what HTTP does not allow.`,
  },
  { when: /^UND_ERR_(CLOSED|DESTROYED)$/, code: 'INTERNAL', text: (host) => `The client of ${host} was used after it was closed.` },
]

function timeoutText(what: string): (host: string) => string {
  return (host) => `${host} did not answer in time: ${what}. Check that it is reachable from here, and through the proxy if there is one.`
}

/** The code of an error, or of what caused it: undici and fetch wrap the interesting one. */
function codeOf(thrown: unknown): string {
  for (let error = thrown, depth = 0; typeof error === 'object' && error !== null && depth < 5; depth++) {
    const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown[] }
    // undici's parser leaves out the code for the commonest of its errors.
    if (error instanceof Error && error.name === 'HTTPParserError') return typeof code === 'string' ? code : 'HPE_INVALID_CONSTANT'
    if (typeof code === 'string' && (!code.startsWith('UND_ERR') || cause === undefined)) return code
    error = cause ?? errors?.[0]
  }
  return ''
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
