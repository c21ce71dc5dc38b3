import { SaddleError, type Headers, type Redactor } from '@saddle/transport'
import type { BitbucketAuth } from './types.ts'

/** Credentials, checked, with what follows from their kind. */
export interface Credentials {
  readonly headers: Headers
  /** Tokens (also one given as a password) work under `/rest` and `/scm` only. */
  readonly isToken: boolean
}

/** Makes the header of the credentials and lets the redactor know them. */
export function credentialsOf(auth: BitbucketAuth, redactor: Redactor): Credentials {
  if ('token' in auth) {
    const { token } = auth
    if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw invalid('token', 'is empty or contains spaces or line breaks')
    redactor.add(token)
    if (/^(gh[pousr]_|github_pat_)/.test(token)) throw invalid('token', "is one of GitHub's")
    return { headers: { authorization: `Bearer ${token}` }, isToken: true }
  }
  const { username, password } = auth
  if (typeof username !== 'string' || !username || /[:\p{Cc}]/u.test(username)) {
    throw invalid('username', 'is empty or contains a colon or control characters')
  }
  if (typeof password !== 'string' || !password) throw invalid('password', 'is empty')
  redactor.add(password, username)
  const basic = Buffer.from(`${username}:${password}`).toString('base64')
  return { headers: { authorization: `Basic ${basic}` }, isToken: looksLikeToken(password) }
}

const invalid = (option: string, reason: string): SaddleError =>
  new SaddleError('INVALID_INPUT', `The Bitbucket ${option} ${reason}. Check what was given as \`auth\`.`, { context: { option } })

/** Tokens begin with `BBDC-` on newer servers; on older ones they are the base64 form of `<number>:<random bytes>`. */
const looksLikeToken = (password: string): boolean =>
  password.startsWith('BBDC-') ||
  (/^[A-Za-z0-9+/]{44}$/.test(password) && /^\d+:/.test(Buffer.from(password, 'base64').toString('latin1')))
