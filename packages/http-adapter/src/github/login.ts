import { createPrivateKey, hash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
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
/** A refresh takes no longer; one process at a time makes it. */
const refreshMs = 15_000

/** Logs people in at GitHub in the browser, and keeps their tokens fresh. */
export class GitHubLogin {
  readonly #oauth: OAuthOptions
  readonly #app: OAuthApp
  readonly #store: SessionStore
  readonly #vault: CredentialVault
  /** One refresh for all who ask at once: a refresh token works once. */
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

  /**
   * The credential that `read` finds, or the next one when it is about to end. A refresh ends the token before it at once,
   * so whoever uses one for longer asks again.
   *
   * @param read - looks into the vault; asked again where another process may have been faster
   */
  async fresh(subject: string, read: ReadCredential): Promise<GitHubCredential | undefined> {
    const credential = await read()
    if (!credential?.refreshToken || !isEnding(credential)) return credential
    const { refreshToken } = credential
    const running = this.#refreshing.get(refreshToken)
    if (running) return running
    const renewed = this.#refresh(subject, credential, refreshToken, read).finally(() => this.#refreshing.delete(refreshToken))
    this.#refreshing.set(refreshToken, renewed)
    return renewed
  }

  async #refresh(subject: string, old: GitHubCredential, token: string, read: ReadCredential): Promise<GitHubCredential> {
    const claim = `github-refresh/${hash('sha256', token)}`
    if (!(await this.#store.replace(claim, undefined, 'begun', Date.now() + refreshMs))) return this.#elsewhere(old, read)
    try {
      const renewed = credentialOf(await refreshToken(this.#app, { refreshToken: token }))
      await this.#vault.refreshed(subject, old, renewed)
      return renewed
    } catch (error) {
      await this.#store.delete(claim)
      // While the old token works, a failed refresh is no reason to stop.
      if (isAlive(old)) return old
      throw error
    }
  }

  /** Another process is about to store the next credential. */
  async #elsewhere(old: GitHubCredential, read: ReadCredential): Promise<GitHubCredential> {
    for (let waited = 0; waited < refreshMs; waited += 100) {
      const present = await read()
      if (present?.token !== old.token) return present ?? old
      await sleep(100)
    }
    return old
  }
}

type ReadCredential = () => Promise<GitHubCredential | undefined>

const isEnding = ({ expiresAt = Infinity }: GitHubCredential): boolean => expiresAt - Date.now() < renewBeforeMs
const isAlive = ({ expiresAt = Infinity }: GitHubCredential): boolean => expiresAt > Date.now() + 1000

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
