import { createHash } from 'node:crypto'
import {
  BitbucketClient, GitHubClient, gitHubBudget, HostBudget, SaddleError,
  type Budget, type BudgetCost, type BudgetWait, type Credentials, type ToldLimit, type TokenSource,
} from '@saddle/core'
import type { Metrics } from './metrics.ts'
import type { SourceOptions, TargetOptions } from './options.ts'

interface Client extends Pick<BitbucketClient | GitHubClient, 'on'> {
  close(): Promise<void>
}

/** What everything that one credential is used for shares. */
interface Pooled {
  budget: Budget
  /** For callers, who do not wait, and for jobs, which do. */
  clients: Partial<Record<Patience, Client>>
  users: number
  timer?: NodeJS.Timeout
}

/** Whether the server's limits are waited for. */
export type Patience = 'caller' | 'job'

/** A client that is in use until it is released. */
export interface Borrowed<C> {
  client: C
  budget: Budget
  release: () => void
}

export interface ClientsOptions {
  source: SourceOptions
  target: Omit<TargetOptions, 'oauth' | 'privateKeyPath'>
  /** Makes the budget of a credential, of which it is told a hash. */
  budgetFor?: ((server: 'bitbucket' | 'github', identity: string) => Budget) | undefined
  metrics?: Metrics | undefined
}

/** Unused clients keep their connections for so long. */
const idleMs = 60_000
/** A caller gets an answer; what takes longer than this to be allowed is one: 429, with the time to wait. */
const longestWaitMs = 3000
const callerRetry = { attempts: 3, maxDelay: 1000, maxRetryAfter: longestWaitMs }

/**
 * The clients of the two servers, by credential: all that is done with one shares its budget of requests, so that callers
 * and migrations together stay within the limits.
 */
export class Clients {
  readonly #options: ClientsOptions
  readonly #pool = new Map<string, Pooled>()

  constructor(options: ClientsOptions) {
    this.#options = options
  }

  /** A patient client of the source for a job. It is not closed before it is released. */
  borrowBitbucket(credential: Credentials['bitbucket']): Borrowed<BitbucketClient> {
    return this.#bitbucket(credential, 'job')
  }

  /**
   * A patient client of the target for a job. It is not closed before it is released.
   *
   * @param source - gives the token of each request, when the credential is one that gets replaced
   */
  borrowGitHub(credential: Credentials['github'], source?: TokenSource): Borrowed<GitHubClient> {
    if (!source) return this.#github(credential, 'job')
    // The credential's client, which stays unused, holds the budget that both share.
    const { budget, release } = this.#github(credential, 'job')
    const client = new GitHubClient({ ...this.#options.target, auth: { token: source }, budget })
    return { client, budget, release: () => void client.close().finally(release) }
  }

  /** Runs the work of a caller, who waits for the answer, with a client of the source. */
  bitbucket<T>(credential: Credentials['bitbucket'], work: (client: BitbucketClient) => Promise<T>): Promise<T> {
    return using(this.#bitbucket(credential, 'caller'), work)
  }

  /** Runs the work of a caller, who waits for the answer, with a client of the target; for long work with one that waits too. */
  github<T>(credential: Credentials['github'], work: (client: GitHubClient) => Promise<T>, patience: Patience = 'caller'): Promise<T> {
    return using(this.#github(credential, patience), work)
  }

  /** Closes all connections once what uses them is done. */
  async close(): Promise<void> {
    const pooled = [...this.#pool.values()]
    this.#pool.clear()
    await Promise.allSettled(pooled.map(end))
  }

  #bitbucket(auth: Credentials['bitbucket'], patience: Patience): Borrowed<BitbucketClient> {
    const { source } = this.#options
    const makeBudget = () => source.budget ?? new HostBudget({ concurrency: 32 })
    return this.#borrow('bitbucket', auth, patience, makeBudget, (more) => new BitbucketClient({ ...source, auth, ...more(source.retry) }))
  }

  #github({ token }: Credentials['github'], patience: Patience): Borrowed<GitHubClient> {
    const { target } = this.#options
    const makeBudget = () => target.budget ?? gitHubBudget(target.baseUrl)
    return this.#borrow('github', token, patience, makeBudget, (more) => new GitHubClient({ ...target, auth: { token }, ...more(target.retry) }))
  }

  #borrow<C extends Client>(
    server: 'bitbucket' | 'github',
    credential: unknown,
    patience: Patience,
    makeBudget: () => Budget,
    make: (more: (retry: SourceOptions['retry']) => Pick<SourceOptions, 'budget' | 'retry'>) => C,
  ): Borrowed<C> {
    const identity = createHash('sha256').update(JSON.stringify([server, credential])).digest('hex')
    const known = this.#pool.get(identity)
    const pooled: Pooled = known ?? { budget: this.#options.budgetFor?.(server, identity) ?? makeBudget(), clients: {}, users: 0 }
    const client = pooled.clients[patience] ?? make((retry) =>
      patience === 'job' ? { budget: pooled.budget, retry } : { budget: new ImpatientBudget(pooled.budget), retry: { ...callerRetry, ...retry } },
    )
    if (!pooled.clients[patience]) this.#options.metrics?.watchClient(server, client)
    pooled.clients[patience] = client
    this.#pool.set(identity, pooled)
    clearTimeout(pooled.timer)
    pooled.users++
    return { client: client as C, budget: pooled.budget, release: () => this.#release(identity, pooled) }
  }

  #release(identity: string, pooled: Pooled): void {
    if (--pooled.users > 0) return
    pooled.timer = setTimeout(() => {
      this.#pool.delete(identity)
      void end(pooled)
    }, idleMs)
    pooled.timer.unref()
  }
}

/** Passes on to a budget, but does not wait long: whoever asked is told how long it would have been. */
class ImpatientBudget implements Budget {
  readonly #budget: Budget

  constructor(budget: Budget) {
    this.#budget = budget
  }

  async acquire(cost: BudgetCost, { signal, onWait }: { signal?: AbortSignal | undefined; onWait?: (wait: BudgetWait) => void }): Promise<() => void> {
    const stop = new AbortController()
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
    return this.#budget.acquire(cost, {
      signal: either,
      onWait: (wait) => {
        onWait?.(wait)
        if (wait.waitMs > longestWaitMs) stop.abort(rateLimited(wait.waitMs))
      },
    })
  }

  pause(milliseconds: number): void {
    this.#budget.pause(milliseconds)
  }

  learn(limit: ToldLimit): void {
    this.#budget.learn?.(limit)
  }
}

const rateLimited = (waitMs: number): SaddleError => {
  const retryAfter = Math.ceil(waitMs / 1000)
  return new SaddleError('RATE_LIMITED', `The server behind this one limits the rate of requests; it takes the next one in ${retryAfter} s.`, { context: { retryAfter } })
}

async function using<C, T>({ client, release }: Borrowed<C>, work: (client: C) => Promise<T>): Promise<T> {
  try {
    return await work(client)
  } finally {
    release()
  }
}

async function end({ clients, timer }: Pooled): Promise<void> {
  clearTimeout(timer)
  await Promise.allSettled(Object.values(clients).map((client) => client.close()))
}
