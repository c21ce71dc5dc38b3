import { join } from 'node:path'
import {
  gitHubLimits, MemoryQueue, SaddleError, SqliteSessionStore,
  type Budget, type JobQueue, type MigrationStore, type SessionStore,
} from '@saddle/core'
import { SqliteStore } from '@saddle/core/store/sqlite'

/** Where a server or worker remembers and hands out work. */
export interface Backends {
  store: MigrationStore
  sessionStore: SessionStore
  queue: JobQueue
  /** Present where budgets are shared with others. */
  budgetFor?: (server: 'bitbucket' | 'github', identity: string) => Budget
  /** Where it is: `embedded` in files of this machine, or on Redis. */
  kind: 'embedded' | 'redis'
  /** Closes all of it. */
  close(): Promise<void>
}

/** Options of {@link openBackends}. */
export interface BackendsOptions {
  /** Folder of the embedded files; it exists. */
  directory: string
  /** Redis, for more than one process; without it everything is embedded. */
  redis?: {
    url: string
    /** PEM certificates of a private authority, for `rediss://`. */
    ca?: string | undefined
    /**
     * How long a call waits for a Redis that is away, in milliseconds. Short (3 seconds by default) for a server, which then
     * answers 503; long for a worker.
     */
    patienceMs?: number | undefined
  }
  /** What to do when Redis cannot be reached at the start: `embedded` goes on without it, with a warning; else it is an error. */
  sessionFallback?: 'embedded' | undefined
  /** Base of GitHub's REST API, which decides the limits of a shared budget. */
  githubUrl?: string | undefined
  /** Told of a fallback. */
  onWarning?: ((text: string) => void) | undefined
}

/**
 * Opens what a server or worker needs: SQLite files and an in-process queue, or Redis.
 *
 * @throws SaddleError `STORE_FAILED`, `BACKEND_UNAVAILABLE` when the package for the backend is not installed
 */
export async function openBackends(options: BackendsOptions): Promise<Backends> {
  if (!options.redis) return openEmbedded(options.directory)
  try {
    return await openRedis(options.redis, options.githubUrl)
  } catch (error) {
    const { code, message } = SaddleError.from(error)
    if (options.sessionFallback !== 'embedded' || code !== 'STORE_FAILED') throw error
    options.onWarning?.(`${message} Sessions, migrations and queue are kept on this machine instead; other processes do not see them.`)
    return openEmbedded(options.directory)
  }
}

async function openEmbedded(directory: string): Promise<Backends> {
  const store = await SqliteStore.open({ path: join(directory, 'saddle.db') })
  const sessionStore = await SqliteSessionStore.open({ path: join(directory, 'sessions.db') })
  const queue = new MemoryQueue()
  return {
    store, sessionStore, queue, kind: 'embedded',
    close: async () => {
      await queue.close()
      await Promise.all([store.close(), sessionStore.close()])
    },
  }
}

async function openRedis({ url, ca, patienceMs = 3000 }: NonNullable<BackendsOptions['redis']>, githubUrl?: string): Promise<Backends> {
  const { RedisBudget, RedisConnection, RedisQueue, RedisSessionStore, RedisStore } = await import('@saddle/redis-adapter').catch((cause: unknown) => {
    throw new SaddleError('BACKEND_UNAVAILABLE', 'Redis needs the package @saddle/redis-adapter, which is not installed. Install it: npm install @saddle/redis-adapter', { cause })
  })
  const connection = await RedisConnection.open({ url, ca, patienceMs })
  const queue = new RedisQueue(connection)
  return {
    store: new RedisStore(connection),
    sessionStore: new RedisSessionStore(connection),
    queue,
    budgetFor: (server, identity) => {
      const limits = server === 'github' ? gitHubLimits(githubUrl) : { concurrency: 32 }
      return new RedisBudget(connection, { identity: `${server}/${identity}`, ...limits })
    },
    kind: 'redis',
    close: async () => {
      await queue.close()
      connection.close()
    },
  }
}
