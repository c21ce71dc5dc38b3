import { randomUUID } from 'node:crypto'
import { SaddleError } from '@saddle/transport'
import type { Keyring } from './keyring.ts'
import type { SessionStore } from './store.ts'

/** The two servers that somebody logs in to. */
export type CredentialProvider = 'bitbucket' | 'github'

/** How somebody logs in to the source. */
export type BitbucketCredential = { username: string; password: string } | { token: string }

/** How somebody acts at the target. Times are in milliseconds since 1970. */
export interface GitHubCredential {
  token: string
  /** When the token stops to work; absent for one that does not expire. */
  expiresAt?: number
  /** Gets a new token, once: it is replaced together with the token. */
  refreshToken?: string
}

/** The credential of each provider. */
export interface Credentials {
  bitbucket: BitbucketCredential
  github: GitHubCredential
}

/** Names the credentials of a session or job; of either provider there is one or none. */
export type CredentialIds = Partial<Record<CredentialProvider, string>>

/** The entry of one person's session, as stored; only the sealed texts are secret. */
interface Account {
  credentials: Record<string, { provider: CredentialProvider; sealed: string }>
  /** What the session itself can use, and until when (milliseconds since 1970). */
  session?: { ids: CredentialIds; expiresAt: number }
  /** What jobs that were started from the session use, by the job's id. */
  jobs: Record<string, CredentialIds>
}

/** How long a job can keep its credentials if nobody ever says that it ended. */
const longestJob = 30 * 24 * 3_600_000

/** Two writers of one account at once are rare; this many in a row are a fault. */
const replaceAttempts = 50

/**
 * Keeps credentials, encrypted, for as long as something needs them: the session that gave them, until it ends, and each
 * job (a migration or a bulk migration) that was started from it, until that ends. What nothing refers to any more is
 * removed in the same write. `subject` names a session over the rotations of its id; it is what records carry as `owner`.
 *
 * Subject, provider and the credential's own id are authenticated data: an entry that was changed, or copied to another
 * place, does not open (`AUTHENTICATION_FAILED`).
 */
export class CredentialVault {
  readonly #store: SessionStore
  readonly #keyring: Keyring

  constructor(store: SessionStore, keyring: Keyring) {
    this.#store = store
    this.#keyring = keyring
  }

  /** Gives the session a credential, in place of the one it had for that provider. `expiresAt` is the session's end. */
  async put<Provider extends CredentialProvider>(
    subject: string,
    provider: Provider,
    credential: Credentials[Provider],
    expiresAt: number,
  ): Promise<void> {
    await this.#change(subject, (account) => {
      const ids = { ...account.session?.ids, [provider]: this.#add(account, subject, provider, credential) }
      account.session = { ids, expiresAt }
    })
  }

  /** The session's own credentials. */
  async ofSession(subject: string): Promise<Partial<Credentials>> {
    const { account } = await this.#read(subject)
    return this.#open(account, subject, alive(account.session) ? account.session.ids : {})
  }

  /** The session is used on, until the given time in milliseconds since 1970. */
  async extend(subject: string, expiresAt: number): Promise<void> {
    await this.#change(subject, (account) => {
      if (account.session) account.session.expiresAt = expiresAt
    })
  }

  /** The session ended: its credentials are gone, but for those that a job still needs. */
  async endSession(subject: string): Promise<void> {
    await this.#change(subject, (account) => {
      delete account.session
    })
  }

  /** A job begins to need the session's credentials; `own` are its own instead of the session's. */
  async hold(subject: string, job: string, own: Partial<Credentials> = {}): Promise<void> {
    await this.#change(subject, (account) => {
      const ids: CredentialIds = alive(account.session) ? { ...account.session.ids } : {}
      if (own.bitbucket) ids.bitbucket = this.#add(account, subject, 'bitbucket', own.bitbucket)
      if (own.github) ids.github = this.#add(account, subject, 'github', own.github)
      account.jobs[job] = ids
    })
  }

  /** The credentials that a job holds; empty when it holds none (any more). */
  async ofJob(subject: string, job: string): Promise<Partial<Credentials>> {
    const { account } = await this.#read(subject)
    return this.#open(account, subject, account.jobs[job] ?? {})
  }

  /** Whether a job holds credentials; nothing is decrypted. */
  async holds(subject: string, job: string): Promise<boolean> {
    return (await this.#read(subject)).account.jobs[job] !== undefined
  }

  /** The job ended, or never began: what only it needed is gone. */
  async release(subject: string, job: string): Promise<void> {
    await this.#change(subject, (account) => {
      delete account.jobs[job]
    })
  }

  /** Replaces a GitHub token that was refreshed, wherever the old one is in use. */
  async refreshed(subject: string, old: GitHubCredential, renewed: GitHubCredential): Promise<void> {
    await this.#change(subject, (account) => {
      for (const [id, entry] of Object.entries(account.credentials)) {
        if (entry.provider !== 'github') continue
        const place = [subject, entry.provider, id]
        const present = JSON.parse(this.#keyring.open(entry.sealed, place)) as GitHubCredential
        if (present.token === old.token) entry.sealed = this.#keyring.seal(JSON.stringify(renewed), place)
      }
    })
  }

  #add<Provider extends CredentialProvider>(
    account: Account,
    subject: string,
    provider: Provider,
    credential: Credentials[Provider],
  ): string {
    const id = randomUUID()
    account.credentials[id] = { provider, sealed: this.#keyring.seal(JSON.stringify(credential), [subject, provider, id]) }
    return id
  }

  #open(account: Account, subject: string, ids: CredentialIds): Partial<Credentials> {
    const opened: Partial<Record<CredentialProvider, unknown>> = {}
    for (const provider of ['bitbucket', 'github'] as const) {
      const id = ids[provider]
      const entry = id === undefined ? undefined : account.credentials[id]
      if (id !== undefined && entry) opened[provider] = JSON.parse(this.#keyring.open(entry.sealed, [subject, provider, id]))
    }
    return opened as Partial<Credentials>
  }

  async #read(subject: string): Promise<{ text: string | undefined; account: Account }> {
    const text = await this.#store.get(keyOf(subject))
    return { text, account: text === undefined ? { credentials: {}, jobs: {} } : (JSON.parse(text) as Account) }
  }

  /** Changes an account as if nobody else could: if somebody was faster, the change is made again on what they wrote. */
  async #change(subject: string, change: (account: Account) => void): Promise<void> {
    for (let attempt = 0; attempt < replaceAttempts; attempt++) {
      const { text, account } = await this.#read(subject)
      change(account)
      if (!alive(account.session)) delete account.session
      this.#removeUnused(account, subject)
      const jobs = Object.keys(account.jobs).length
      if (!account.session && jobs === 0) {
        if (text === undefined || (await this.#forget(subject, text))) return
        continue
      }
      const expiresAt = Math.max(account.session?.expiresAt ?? 0, jobs > 0 ? Date.now() + longestJob : 0)
      if (await this.#store.replace(keyOf(subject), text, JSON.stringify(account), expiresAt)) return
    }
    throw new SaddleError('STORE_FAILED', 'The credentials of a session are changed by too many at once. Try again.', { retryable: true })
  }

  /** An entry that expires at once is gone, and `replace` sees to it that nobody's change is lost with it. */
  #forget(subject: string, text: string): Promise<boolean> {
    return this.#store.replace(keyOf(subject), text, '', Date.now())
  }

  #removeUnused(account: Account, subject: string): void {
    const used = new Set([account.session?.ids ?? {}, ...Object.values(account.jobs)].flatMap((ids) => Object.values(ids)))
    for (const [id, entry] of Object.entries(account.credentials)) {
      if (!used.has(id)) delete account.credentials[id]
      // While at it, what an older key sealed is sealed anew, so that the older key can be given up some day.
      else if (!this.#keyring.isCurrent(entry.sealed)) {
        const place = [subject, entry.provider, id]
        entry.sealed = this.#keyring.seal(this.#keyring.open(entry.sealed, place), place)
      }
    }
  }
}

const keyOf = (subject: string): string => `account/${subject}`

const alive = <Session extends { expiresAt: number }>(session: Session | undefined): session is Session =>
  session !== undefined && session.expiresAt > Date.now()
