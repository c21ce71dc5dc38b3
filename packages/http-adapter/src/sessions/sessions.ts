import { hash, randomBytes, randomUUID } from 'node:crypto'
import type { CredentialVault, Credentials, SessionStore } from '@saddle/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpProblem } from '../security/errors.ts'
import type { SessionCookie } from './cookie.ts'

/** A session as stored. It says who is logged in where; the credentials themselves are in the vault. */
interface StoredSession {
  /** Names the session over the rotations of its id; what migrations carry as `owner`. Never sent anywhere. */
  subject: string
  /** Milliseconds since 1970. */
  endsAt: number
  usedAt: number
  bitbucket?: { username: string }
  github?: boolean
}

/** A session that a request came with. */
export interface Session extends Readonly<StoredSession> {
  /** Where the store has it; made from the cookie, which the store never sees. */
  readonly key: string
}

/** What a login adds to a session. */
export type Login =
  | { provider: 'bitbucket'; username: string; credential: Credentials['bitbucket'] }
  | { provider: 'github'; credential: Credentials['github'] }

export interface SessionsOptions {
  store: SessionStore
  vault: CredentialVault
  cookie: SessionCookie
  idleMs: number
  absoluteMs: number
  /** Called when a session ended by a logout. */
  onEnd: (subject: string) => void
}

/** A use of a session is written at most so often. */
const touchEvery = 60_000
const idBytes = 32
/** A session that was read is taken as read for so long. What ends here ends at once; what ends elsewhere, this much later. */
const rememberMs = 1000
/** So many are remembered; beyond, all are read again. */
const remembered = 10_000

/**
 * The sessions of this server. An id is random, stands in a cookie only, and changes at every login; the store knows its
 * hash, so that who reads the store cannot use a session.
 */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #recent = new Map<string, { session: Session; readAt: number }>()
  /** Grows when a session ends, so that what was read before that is not remembered after it. */
  #ended = 0

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** The session that a request came with, if it is alive. */
  async find(request: FastifyRequest): Promise<Session | undefined> {
    const id = this.#options.cookie.read(request)
    return id === undefined ? undefined : this.#load(keyOf(id))
  }

  /** The session, or 401. */
  async require(request: FastifyRequest, otherwise = 'Not authenticated. Log in first: POST /api/v1/auth/bitbucket.'): Promise<Session> {
    const session = await this.find(request)
    if (session) return session
    throw new HttpProblem(401, 'NOT_AUTHENTICATED', otherwise)
  }

  /** The session, or a new one in which nobody is logged in; something to bind the first step of a login to. */
  async findOrBegin(request: FastifyRequest, reply: FastifyReply): Promise<Session> {
    return (await this.find(request)) ?? (await this.#begin(request, reply, {}))
  }

  /** Adds a login to the session and gives it a new id; what was known of the old one is worthless from now on. */
  async login(request: FastifyRequest, reply: FastifyReply, login: Login): Promise<Session> {
    const { store, vault } = this.#options
    const change = login.provider === 'bitbucket' ? { bitbucket: { username: login.username } } : { github: true }
    const present = await this.#heir(request, login)
    const id = randomBytes(idBytes).toString('base64url')
    const stored = present && { ...fieldsOf(present), ...change, usedAt: Date.now() }
    // The old id can end in this very moment, by a logout elsewhere; then there is nothing to build on.
    const rotated = stored && (await store.rotate(present.key, keyOf(id), JSON.stringify(stored), this.#expiry(stored)))
    if (present) this.#forget(present)
    if (stored && rotated) this.#options.cookie.write(request, reply, id)
    const session = stored && rotated ? { ...stored, key: keyOf(id) } : await this.#begin(request, reply, change)
    const expiresAt = this.#expiry(session)
    if (login.provider === 'bitbucket') await vault.put(session.subject, 'bitbucket', login.credential, expiresAt)
    else await vault.put(session.subject, 'github', login.credential, expiresAt)
    return session
  }

  /** Ends the session: its id is worthless, its credentials are gone, its streams are closed. */
  async end(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const session = await this.find(request)
    this.#options.cookie.clear(request, reply)
    if (session) await this.#discard(session)
  }

  /** Whether a session is still there; if so it counts as used now. For streams, which outlive the request that began them. */
  async keepAlive({ key }: Session): Promise<boolean> {
    return (await this.#load(key)) !== undefined
  }

  /** The credentials of a session; 401 for ones that cannot be decrypted. */
  credentials(session: Session): Promise<Partial<Credentials>> {
    return this.#options.vault.ofSession(session.subject)
  }

  /** The session that a login adds to. Another user of the source inherits nothing from the one before. */
  async #heir(request: FastifyRequest, login: Login): Promise<Session | undefined> {
    const session = await this.find(request)
    const before = session?.bitbucket?.username
    if (!session || before === undefined || login.provider !== 'bitbucket' || login.username === before) return session
    await this.#discard(session)
    return undefined
  }

  async #discard(session: Session): Promise<void> {
    this.#forget(session)
    await this.#options.store.delete(session.key)
    this.#forget(session)
    await this.#options.vault.endSession(session.subject)
    this.#options.onEnd(session.subject)
  }

  async #begin(request: FastifyRequest, reply: FastifyReply, fields: Partial<StoredSession>): Promise<Session> {
    const { store, absoluteMs, cookie } = this.#options
    const now = Date.now()
    const id = randomBytes(idBytes).toString('base64url')
    const session: StoredSession = { subject: randomUUID(), endsAt: now + absoluteMs, usedAt: now, ...fields }
    await store.set(keyOf(id), JSON.stringify(session), this.#expiry(session))
    cookie.write(request, reply, id)
    return { ...session, key: keyOf(id) }
  }

  async #load(key: string): Promise<Session | undefined> {
    const now = Date.now()
    const known = this.#recent.get(key)
    if (known && now - known.readAt < this.#rememberMs && known.session.endsAt > now) return known.session
    this.#recent.delete(key)
    const ended = this.#ended
    const text = await this.#options.store.get(key)
    if (text === undefined) return undefined
    const session = JSON.parse(text) as StoredSession
    if (this.#expiry(session) <= now) return undefined
    if (now - session.usedAt > Math.min(touchEvery, this.#options.idleMs / 4)) await this.#touch(key, text, { ...session, usedAt: now })
    const read = { ...session, key }
    if (this.#recent.size >= remembered) this.#recent.clear()
    if (ended === this.#ended) this.#recent.set(key, { session: read, readAt: now })
    return read
  }

  #forget({ key }: Session): void {
    this.#ended++
    this.#recent.delete(key)
  }

  get #rememberMs(): number {
    return Math.min(rememberMs, this.#options.idleMs / 4)
  }

  async #touch(key: string, before: string, session: StoredSession): Promise<void> {
    const { store, vault } = this.#options
    // Who was faster has touched it as well, or ended it, which must not be undone.
    if (!(await store.replace(key, before, JSON.stringify(session), this.#expiry(session)))) return
    await vault.extend(session.subject, this.#expiry(session))
  }

  #expiry({ usedAt, endsAt }: StoredSession): number {
    return Math.min(endsAt, usedAt + this.#options.idleMs)
  }
}

const keyOf = (id: string): string => `session/${hash('sha256', id)}`

function fieldsOf({ key: _, ...stored }: Session): StoredSession {
  return stored
}
