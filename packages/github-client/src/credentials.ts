import { SaddleError, type CallOptions, type Redactor } from '@saddle/transport'
import type { TokenKind, TokenSource } from './types.ts'

/** Which account a request concerns; an App has one installation, and so one token, for each. */
export interface Scope extends CallOptions {
  owner?: string | undefined
}

/** Where tokens come from. */
export interface Credentials {
  readonly kind: TokenKind
  /** A token that is valid now and for some minutes more. */
  token(scope: Scope): Promise<string>
  /** What the token may do with the owner's repositories, as `{ contents: 'write', … }`; undefined when that is not known. */
  permissions(scope: Scope): Promise<Readonly<Record<string, string>> | undefined>
  /** GitHub refused the token. Returns whether there will be another one. */
  refused(scope: Scope): boolean
}

/** One token for everything. */
export class TokenCredentials implements Credentials {
  readonly kind: TokenKind
  readonly #token: string

  constructor(token: string | undefined, redactor: Redactor) {
    this.#token = checked(token, redactor)
    this.kind = kindOf(this.#token)
  }

  async token(): Promise<string> {
    return this.#token
  }

  async permissions(): Promise<undefined> {
    return undefined
  }

  refused(): boolean {
    return false
  }
}

/** A token for everything that is replaced from time to time. */
export class SourceCredentials implements Credentials {
  /** Until the source was asked. */
  kind: TokenKind = 'unknown'
  readonly #source: TokenSource
  readonly #redactor: Redactor
  #given: string | undefined
  #current = ''

  constructor(source: TokenSource, redactor: Redactor) {
    this.#source = source
    this.#redactor = redactor
  }

  async token({ signal }: Scope): Promise<string> {
    const token = await this.#source({ signal })
    if (token !== this.#given) {
      this.#current = checked(token, this.#redactor)
      this.#given = token
      this.kind = kindOf(this.#current)
    }
    return this.#current
  }

  async permissions(): Promise<undefined> {
    return undefined
  }

  /** It may have been replaced while the request was on its way. */
  refused(): boolean {
    return true
  }
}

function checked(given: string | undefined, redactor: Redactor): string {
  // A line break at the end of a file is the usual slip; within, it would end the header.
  const token = given?.trim() ?? ''
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new SaddleError('INVALID_INPUT', 'The GitHub token is empty or has characters that no token has. Copy it again.', {
      context: { option: 'auth.token' },
    })
  }
  redactor.add(token, 'x-access-token')
  if (token.startsWith('BBDC-')) {
    throw new SaddleError('INVALID_INPUT', "The GitHub token is one of Bitbucket's. Give one that was made at GitHub.", { context: { option: 'auth.token' } })
  }
  return token
}

/** GitHub's prefixes of tokens ("GitHub credential types" in its documentation). */
function kindOf(token: string): TokenKind {
  if (token.startsWith('github_pat_')) return 'fine-grained'
  return prefixes[token.slice(0, 4)] ?? 'unknown'
}

const prefixes: Record<string, TokenKind> = {
  ghp_: 'classic',
  gho_: 'oauth',
  ghu_: 'app-user',
  ghs_: 'app-installation',
}
