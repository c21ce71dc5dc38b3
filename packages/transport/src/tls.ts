import { rootCertificates } from 'node:tls'

/** Node replaces its own list when it is given one; a private authority is meant as an addition. */
export const withPublicAuthorities = (ca: string | readonly string[]): string[] => [...rootCertificates, ...[ca].flat()]
