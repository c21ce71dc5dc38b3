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

/** A client that is in use until it is released. */
export interface Borrowed<C> {
  client: C
  release(): void
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

  /** A client of the source, which is not closed before it is released. */
  borrowBitbucket(credential: Credentials['bitbucket']): Borrowed<BitbucketClient> {
    return this.#borrow(['bitbucket', credential], () => new BitbucketClient({ ...this.#source, auth: credential }))
  }

  /** A client of the target, which is not closed before it is released. */
  borrowGitHub({ token }: Credentials['github']): Borrowed<GitHubClient> {
    return this.#borrow(['github', token], () => new GitHubClient({ ...this.#target, auth: { token } }))
  }

  /** Runs the work with a client of the source. */
  bitbucket<T>(credential: Credentials['bitbucket'], work: (client: BitbucketClient) => Promise<T>): Promise<T> {
    return using(this.borrowBitbucket(credential), work)
  }

  /** Runs the work with a client of the target. */
  github<T>(credential: Credentials['github'], work: (client: GitHubClient) => Promise<T>): Promise<T> {
    return using(this.borrowGitHub(credential), work)
  }

  /** Closes all connections once what uses them is done. */
  async close(): Promise<void> {
    const pooled = [...this.#pool.values()]
    this.#pool.clear()
    for (const { timer } of pooled) clearTimeout(timer)
    await Promise.allSettled(pooled.map(({ client }) => client.close()))
  }

  #borrow<C extends Client>(identity: unknown, make: () => C): Borrowed<C> {
    const key = createHash('sha256').update(JSON.stringify(identity)).digest('hex')
    let pooled = this.#pool.get(key)
    if (!pooled) this.#pool.set(key, (pooled = { client: make(), users: 0 }))
    const { client } = pooled
    clearTimeout(pooled.timer)
    pooled.users++
    return { client: client as C, release: () => this.#release(key) }
  }

  #release(key: string): void {
    const pooled = this.#pool.get(key)
    if (!pooled || --pooled.users > 0) return
    pooled.timer = setTimeout(() => {
      this.#pool.delete(key)
      void pooled.client.close().catch(() => undefined)
    }, idleMs)
    pooled.timer.unref()
  }
}

async function using<C, T>({ client, release }: Borrowed<C>, work: (client: C) => Promise<T>): Promise<T> {
  try {
    return await work(client)
  } finally {
    release()
  }
}
