import { X509Certificate } from 'node:crypto'
import * as tls from 'node:tls'
import { SaddleError } from './error.ts'

/**
 * A TLS context that trusts private authorities besides the ones that Node trusts already; Node replaces its list when
 * it is given one, and a private authority is meant as an addition. Made once, since it parses over a hundred
 * certificates.
 *
 * @throws SaddleError `INVALID_INPUT` when it is not PEM text (a file's name, for example)
 */
export function trusting(ca: string | readonly string[]): tls.SecureContext {
  const authorities = [ca].flat()
  for (const pem of authorities) {
    try {
      new X509Certificate(pem)
    } catch (cause) {
      throw new SaddleError(
        'INVALID_INPUT',
        'The certificate authority is not a PEM certificate. Give the text of the file (-----BEGIN CERTIFICATE-----…), not its name.',
        { cause, context: { option: 'ca' } },
      )
    }
  }
  return tls.createSecureContext({ ca: withPublicAuthorities(authorities) })
}

/** Private authorities and those that Node trusts, as PEM texts; also for programs that connect by themselves. */
export const withPublicAuthorities = (authorities: readonly string[]): string[] => [...nodeAuthorities(), ...authorities]

/** Newer versions of Node also tell what NODE_EXTRA_CA_CERTS and the system's store add. */
function nodeAuthorities(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] }
  return getCACertificates?.('default') ?? tls.rootCertificates
}
