import { createPrivateKey, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import {
  authorizationUrl, exchangeCode, refreshToken, SaddleError, webUrlOf,
  type CredentialVault, type GitHubCredential, type OAuthApp, type SessionStore, type UserToken,
} from '@saddle/core'
import type { OAuthOptions, TargetOptions } from '../options.ts'
import { HttpProblem } from '../security/errors.ts'
import type { Session } from '../sessions/sessions.ts'

/** So long is a state good for; GitHub's codes are as well. */
const stateLifeMs = 10 * 60_000
/** A token that ends sooner than this is exchanged before it is used. */
const renewBeforeMs = 10 * 60_000

/** Logs people in at GitHub in the browser, and keeps their tokens fresh. */
export class GitHubLogin {
  readonly #oauth: OAuthOptions
  readonly #app: OAuthApp
  readonly #store: SessionStore
  readonly #vault: CredentialVault
  /** One refresh at a time for each token: a refresh token works once. */
  readonly #refreshing = new Map<string, Promise<GitHubCredential>>()

  private constructor(target: TargetOptions, oauth: OAuthOptions, store: SessionStore, vault: CredentialVault) {
    const { ca, proxy, noProxy, timeouts, userAgent, allowedHosts, baseUrl = 'https://api.github.com', gitUrl } = target
    const { clientId, clientSecret } = oauth
    this.#oauth = oauth
    this.#app = { ca, proxy, noProxy, timeouts, userAgent, allowedHosts, clientId, clientSecret, webUrl: gitUrl ?? webUrlOf(baseUrl) }
    this.#store = store
    this.#vault = vault
  }

  /**
   * Checks the App's private key, if one is named, so that a wrong path shows at the start and not at the first login.
   *
   * @throws SaddleError `MISSING_CONFIGURATION` with the path
   */
  static async open(target: TargetOptions, store: SessionStore, vault: CredentialVault): Promise<GitHubLogin | undefined> {
    if (target.privateKeyPath !== undefined) await checkPrivateKey(target.privateKeyPath)
    return target.oauth && new GitHubLogin(target, target.oauth, store, vault)
  }

  /** The first step: where to send the browser, and the state that has to come back to the same session. */
  async begin(session: Session): Promise<{ authorization_url: string; state: string }> {
    const state = randomBytes(32).toString('base64url')
    await this.#store.set(stateKey(session, state), 'begun', Date.now() + stateLifeMs)
    const { clientId, redirectUri } = this.#oauth
    return { authorization_url: authorizationUrl({ clientId, redirectUri, state, webUrl: this.#app.webUrl }), state }
  }

  /** The second step: the state is used up whatever comes of the code. */
  async finish(session: Session | undefined, { code, state }: { code: string; state: string }, signal: AbortSignal): Promise<GitHubCredential> {
    const known = session && (await this.#store.take(stateKey(session, state)))
    if (known === undefined) {
      throw new HttpProblem(400, 'STATE_MISMATCH', 'The state does not belong to this session, was used before, or is older than ten minutes. Begin the login again.')
    }
    try {
      return credentialOf(await exchangeCode(this.#app, { code, redirectUri: this.#oauth.redirectUri, signal }))
    } catch (error) {
      // What is wrong with the server's own registration is not the caller's to mend.
      if (SaddleError.is(error) && error.context.option !== undefined) throw new HttpProblem(503, 'MISSING_CONFIGURATION', error.message)
      throw error
    }
  }

  /** The credential itself, or the next one when it is about to end. */
  async fresh(subject: string, credential: GitHubCredential): Promise<GitHubCredential> {
    const { expiresAt, refreshToken: token } = credential
    if (expiresAt === undefined || token === undefined || expiresAt - Date.now() > renewBeforeMs) return credential
    const running = this.#refreshing.get(token)
    if (running) return running
    const renewed = this.#refresh(subject, credential, token).finally(() => this.#refreshing.delete(token))
    this.#refreshing.set(token, renewed)
    return renewed
  }

  async #refresh(subject: string, old: GitHubCredential, token: string): Promise<GitHubCredential> {
    try {
      const renewed = credentialOf(await refreshToken(this.#app, { refreshToken: token }))
      await this.#vault.refreshed(subject, old, renewed)
      return renewed
    } catch (error) {
      // While the old token works, a failed refresh is no reason to stop.
      if ((old.expiresAt ?? 0) > Date.now() + 1000) return old
      throw error
    }
  }
}

/** The state is part of the key: another session that knows it finds nothing, and takes nothing away. */
const stateKey = (session: Session, state: string): string => `github-state/${session.subject}/${state}`

function credentialOf(token: UserToken): GitHubCredential {
  const expiresAt = token.expiresAt === undefined ? undefined : Date.parse(token.expiresAt)
  return {
    token: token.accessToken,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(token.refreshToken === undefined ? {} : { refreshToken: token.refreshToken }),
  }
}

async function checkPrivateKey(path: string): Promise<void> {
  const fail = (reason: string, cause: unknown) =>
    new SaddleError('MISSING_CONFIGURATION', `The GitHub App's private key ${reason}: ${path}`, { cause, context: { option: 'privateKeyPath' } })
  let pem: string
  try {
    pem = await readFile(path, 'utf8')
  } catch (cause) {
    throw fail('cannot be read', cause)
  }
  try {
    createPrivateKey(pem)
  } catch (cause) {
    throw fail('is not a private key in PEM form', cause)
  }
}
