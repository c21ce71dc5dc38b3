import { SaddleError, type ErrorContext } from './error.ts'
import type { Redactor } from './redact.ts'

const tlsCodes = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_UNTRUSTED', 'CERT_REVOKED', 'HOSTNAME_MISMATCH',
])

/**
 * Turns what Node and undici throw when no answer came (or came whole) into a {@link SaddleError} that says what to do.
 */
export function connectionFailure(thrown: unknown, context: ErrorContext, redactor?: Redactor): SaddleError {
  if (SaddleError.is(thrown)) return thrown
  const { host = 'the server' } = context
  const options = { cause: thrown, context, ...(redactor ? { redactor } : {}) }
  if (thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError')) {
    return SaddleError.from(thrown, 'ABORTED', options)
  }
  const code = codeOf(thrown)
  if (tlsCodes.has(code) || code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')) {
    return new SaddleError(
      'TLS',
      `The certificate of ${host} is not trusted (${code}). If a private authority signed it, give that authority's ` +
        'certificate as `ca` (command: SADDLE_CA_FILE).',
      options,
    )
  }
  if (code.startsWith('UND_ERR_') && code.includes('TIMEOUT')) {
    return new SaddleError('TIMEOUT', `${host} did not answer in time (${timeoutKinds[code] ?? code}).`, options)
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new SaddleError('NETWORK', `The host name of ${host} cannot be resolved. Check the address.`, options)
  }
  if (code === 'ECONNREFUSED') {
    return new SaddleError('NETWORK', `${host} refuses connections. Check address and port, and that it is running.`, options)
  }
  const detail = code || (thrown instanceof Error ? thrown.message : String(thrown))
  return new SaddleError('NETWORK', `The connection to ${host} failed (${detail}).`, options)
}

const timeoutKinds: Record<string, string> = {
  UND_ERR_CONNECT_TIMEOUT: 'connecting',
  UND_ERR_HEADERS_TIMEOUT: 'waiting for the answer to begin',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped coming',
}

/** The code of an error, or of what caused it: undici and fetch wrap the interesting one. */
function codeOf(thrown: unknown): string {
  for (let error = thrown, depth = 0; typeof error === 'object' && error !== null && depth < 5; depth++) {
    const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown[] }
    if (typeof code === 'string' && (!code.startsWith('UND_ERR') || cause === undefined)) return code
    error = cause ?? errors?.[0]
  }
  return ''
}
