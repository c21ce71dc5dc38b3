import { createHash } from 'node:crypto'
import { BitbucketClient, GitHubClient, type Credentials } from '@saddle/core'
import type { SourceOptions, TargetOptions } from './options.ts'

interface Client {
  close(): Promise<void>
}

interface Pooled {
  client: Client
  users: number
  timer?: NodeJS.Timeout
}

/** Unused clients keep their connections for so long. */
const idleMs = 60_000

/**
 * The clients of the two servers, one for each credential: all that somebody does at once shares its connections and its
 * budget of requests.
 */
export class Clients {
  readonly #source: SourceOptions
  readonly #target: TargetOptions
  readonly #pool = new Map<string, Pooled>()

  constructor(source: SourceOptions, target: Omit<TargetOptions, 'oauth'>) {
    this.#source = source
    this.#target = target
  }

  /** Runs the work with a client of the source, which is not closed before the work is done. */
  bitbucket<T>(credential: Credentials['bitbucket'], work: (client: BitbucketClient) => Promise<T>): Promise<T> {
    return this.#with('bitbucket', credential, () => new BitbucketClient({ ...this.#source, auth: credential }), work)
  }

  /** Runs the work with a client of the target, which is not closed before the work is done. */
  github<T>({ token }: Credentials['github'], work: (client: GitHubClient) => Promise<T>): Promise<T> {
    return this.#with('github', token, () => new GitHubClient({ ...this.#target, auth: { token } }), work)
  }

  /** Closes all connections once what uses them is done. */
  async close(): Promise<void> {
    const pooled = [...this.#pool.values()]
    this.#pool.clear()
    for (const { timer } of pooled) clearTimeout(timer)
    await Promise.allSettled(pooled.map(({ client }) => client.close()))
  }

  async #with<C extends Client, T>(kind: string, credential: unknown, make: () => C, work: (client: C) => Promise<T>): Promise<T> {
    const key = createHash('sha256').update(JSON.stringify([kind, credential])).digest('hex')
    let pooled = this.#pool.get(key)
    if (!pooled) this.#pool.set(key, (pooled = { client: make(), users: 0 }))
    clearTimeout(pooled.timer)
    pooled.users++
    try {
      return await work(pooled.client as C)
    } finally {
      if (--pooled.users === 0) this.#closeLater(key, pooled)
    }
  }

  #closeLater(key: string, pooled: Pooled): void {
    pooled.timer = setTimeout(() => {
      this.#pool.delete(key)
      void pooled.client.close().catch(() => undefined)
    }, idleMs)
    pooled.timer.unref()
  }
}
