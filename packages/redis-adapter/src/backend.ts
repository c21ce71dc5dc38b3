import type { RedisBudgetOptions } from './budget.ts'
import { RedisBudget } from './budget.ts'
import { RedisConnection, type RedisOptions } from './connection.ts'
import { RedisQueue, type RedisQueueOptions } from './queue.ts'
import { RedisSessionStore } from './session-store.ts'
import { RedisStore } from './store/redis-store.ts'

/** Everything that a process of a cluster shares with the others, over one Redis. */
export class RedisBackend {
  readonly store: RedisStore
  readonly sessions: RedisSessionStore
  readonly queue: RedisQueue
  readonly #connection: RedisConnection

  private constructor(connection: RedisConnection, options: RedisQueueOptions) {
    this.#connection = connection
    this.store = new RedisStore(connection)
    this.sessions = new RedisSessionStore(connection)
    this.queue = new RedisQueue(connection, options)
  }

  /**
   * Connects to a Redis server.
   *
   * @throws SaddleError `STORE_FAILED` when it cannot be reached, refuses the credentials, is older than 7.0 or could evict
   * keys, with what to change; `INVALID_INPUT` for an address that is none
   */
  static async open(options: RedisOptions & RedisQueueOptions): Promise<RedisBackend> {
    return new RedisBackend(await RedisConnection.open(options), options)
  }

  /** The budget of one host and identity, shared with all processes of the cluster. */
  budget(options: RedisBudgetOptions): RedisBudget {
    return new RedisBudget(this.#connection, options)
  }

  /** Stops this process's workers and closes the connection. */
  async close(): Promise<void> {
    await this.queue.close()
    await this.sessions.close()
    await this.store.close()
    this.#connection.close()
  }
}
