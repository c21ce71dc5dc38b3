import { randomBytes } from 'node:crypto'
import type { LfsObject, LfsStore } from './store.ts'

/** What a link is for. */
export interface Link {
  readonly operation: 'download' | 'upload' | 'verify'
  readonly store: LfsStore
  readonly object: LfsObject
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** The links that batch answers gave out, by the secret that each carries. */
export class LfsLinks {
  readonly #links = new Map<string, Link>()
  /** Where they lead: the base URL of the content. */
  readonly storageUrl: string
  readonly #ttlSeconds: number

  constructor(storageUrl: string, ttlSeconds = 3600) {
    this.storageUrl = storageUrl
    this.#ttlSeconds = ttlSeconds
  }

  /** Makes a link. Returns its secret and when it ends. */
  create(link: Omit<Link, 'expiresAt'>): { readonly secret: string; readonly expires: Date } {
    const secret = randomBytes(16).toString('hex')
    const expiresAt = Date.now() + this.#ttlSeconds * 1000
    this.#links.set(secret, { ...link, expiresAt })
    return { secret, expires: new Date(expiresAt) }
  }

  /** What a secret allows; undefined for an unknown one. */
  find(secret: string): Link | undefined {
    return this.#links.get(secret)
  }
}
