import { createPrivateKey } from 'node:crypto'
import { createAppAuth } from '@octokit/auth-app'
import { SaddleError, type HttpClient } from '@saddle/transport'
import { untilAborted } from './abort.ts'
import type { Credentials, Scope } from './credentials.ts'
import { checkOwner } from './names.ts'
import { Rest, type RestOptions } from './rest.ts'
import * as schema from './schema.ts'
import type { GitHubAuth } from './types.ts'

type AppAuth = Extract<GitHubAuth, { appId: unknown }>

interface InstallationToken {
  token: string
  /** When it is replaced: well before GitHub lets it expire, so that what begins with it can end with it. */
  renewAt: number
  permissions: Readonly<Record<string, string>>
}

const longestMargin = 5 * 60_000
/** A signature is good for ten minutes; clocks may differ by some of them. */
const signatureMargin = 5 * 60_000

/**
 * Tokens of a GitHub App: the installation is found from the owner, a token is asked for it, kept, and replaced before
 * it expires. Octokit signs; it does not keep the tokens, because its cache lets them live for 59 minutes whatever
 * `expires_at` says, and its pending requests are shared between clients of different servers.
 */
export class AppCredentials implements Credentials {
  readonly kind = 'app'
  /** Requests that the App signs itself. With queues of their own, since the others wait for these while they hold a place. */
  readonly app: Rest
  readonly #auth: AppAuth
  readonly #http: HttpClient
  readonly #installations = new Map<string, Promise<number>>()
  readonly #tokens = new Map<string, Promise<InstallationToken>>()

  constructor(auth: AppAuth, options: Omit<RestOptions, 'authorize'>) {
    const { redactor } = options.http
    if (!/^[\w.-]+$/.test(String(auth.appId))) {
      throw new SaddleError('INVALID_INPUT', "The GitHub App's id is missing or malformed. It is the number in the settings of the App.", { context: { option: 'auth.appId' } })
    }
    const privateKey = readPrivateKey(auth.privateKey)
    redactor.add(auth.privateKey)
    redactor.add(privateKey)
    const sign = createAppAuth({ appId: auth.appId, privateKey, log: { warn() {} } })
    let signed = { token: '', renewAt: 0 }
    this.#auth = auth
    this.#http = options.http
    this.app = new Rest({
      ...options,
      authorize: async () => {
        if (signed.renewAt <= Date.now()) {
          const { token, expiresAt } = await sign({ type: 'app' })
          redactor.add(token)
          signed = { token, renewAt: Date.parse(expiresAt) - signatureMargin }
        }
        return `bearer ${signed.token}`
      },
    })
  }

  async token(scope: Scope): Promise<string> {
    return (await this.#current(scope)).token
  }

  async permissions(scope: Scope): Promise<Readonly<Record<string, string>>> {
    return (await this.#current(scope)).permissions
  }

  refused({ owner }: Scope): boolean {
    // The installation as well: it may have been removed and made again.
    const key = this.#keyOf(owner)
    this.#installations.delete(key)
    this.#tokens.delete(key)
    return true
  }

  async #current({ owner, signal }: Scope): Promise<InstallationToken> {
    const key = this.#keyOf(owner)
    const obtain = () => shared(this.#tokens, key, async () => this.#mint(await this.#installation(owner)), signal)
    const held = this.#tokens.get(key)
    const token = await obtain()
    if (token.renewAt > Date.now()) return token
    // Unless somebody else has replaced it meanwhile.
    if (this.#tokens.get(key) === held) this.#tokens.delete(key)
    return obtain()
  }

  async #mint(installation: number): Promise<InstallationToken> {
    const asked = Date.now()
    const { token, expires_at, permissions } = await this.app
      .get('POST /app/installations/{installation}/access_tokens', schema.installationToken, {
        params: { installation },
        // A token more does no harm.
        idempotent: true,
      })
      .catch((thrown: unknown) => {
        const error = SaddleError.from(thrown)
        this.#installations.clear()
        // Not to be taken for a missing repository by whoever needed the token.
        if (error.code !== 'NOT_FOUND') throw error
        throw new SaddleError('FORBIDDEN', `The GitHub App has no installation ${installation} (any more). Install it again, or leave out the installation's id to have it found.`, {
          context: { option: 'auth.installationId' },
        })
      })
    this.#http.redactor.add(token, 'x-access-token')
    const lifetime = Date.parse(expires_at) - asked
    return { token, renewAt: asked + lifetime - Math.min(longestMargin, lifetime / 4), permissions }
  }

  #installation(owner: string | undefined): Promise<number> {
    return shared(this.#installations, this.#keyOf(owner), () => this.#installationOf(owner))
  }

  /** One token serves all where the installation is given. */
  #keyOf(owner: string | undefined): string {
    return this.#auth.installationId === undefined ? (owner ?? '').toLowerCase() : ''
  }

  async #installationOf(owner: string | undefined): Promise<number> {
    if (this.#auth.installationId !== undefined) return this.#auth.installationId
    if (owner === undefined) return this.#onlyInstallation()
    checkOwner(owner)
    for (const route of ['GET /orgs/{owner}/installation', 'GET /users/{owner}/installation']) {
      try {
        return (await this.app.get(route, schema.installation, { params: { owner } })).id
      } catch (error) {
        if (SaddleError.from(error).code !== 'NOT_FOUND') throw error
      }
    }
    const { name, html_url } = await this.app.get('GET /app', schema.app)
    throw new SaddleError(
      'FORBIDDEN',
      `The GitHub App ${name} is not installed on ${owner}, or ${owner} does not exist. Install it at ${html_url}/installations/new and give it access to the repositories.`,
      { context: { option: 'auth.installationId' }, redactor: this.#http.redactor },
    )
  }

  /** For requests that concern no owner, any installation serves. */
  async #onlyInstallation(): Promise<number> {
    for await (const { id } of this.app.list('GET /app/installations', schema.installation)) return id
    throw new SaddleError('FORBIDDEN', 'The GitHub App is not installed anywhere. Install it on the organisation that the repositories go to.', {
      context: { option: 'auth.appId' },
    })
  }
}

/**
 * One answer for everybody who asks while it is made and after; a failure is not kept. Made without a signal, so that
 * one caller's abort does not take it from the others; each waits by its own.
 */
async function shared<Key, Value>(map: Map<Key, Promise<Value>>, key: Key, make: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
  let promise = map.get(key)
  if (!promise) {
    promise = make()
    map.set(key, promise)
    const made = promise
    made.catch(() => {
      if (map.get(key) === made) map.delete(key)
    })
  }
  return untilAborted(promise, signal)
}

/** The key as PKCS #8, which the signer takes on every platform. */
function readPrivateKey(text: string): string {
  let key
  try {
    key = createPrivateKey(text.replaceAll('\\n', '\n').trim() + '\n')
  } catch {
    // Without the cause: its message can show parts of the key.
  }
  if (key?.asymmetricKeyType !== 'rsa') {
    throw new SaddleError(
      'INVALID_INPUT',
      "The GitHub App's private key is not an unencrypted RSA key in PEM form. Give the text of the .pem file that GitHub made for the App, " +
        'from "-----BEGIN" to the end of the "-----END" line; not its path.',
      { context: { option: 'auth.privateKey' } },
    )
  }
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
