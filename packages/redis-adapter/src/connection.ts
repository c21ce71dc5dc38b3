import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SaddleError } from '@saddle/core'
import { Redis } from 'ioredis'
import { checkServer } from './check.ts'
import { isReply, redisError } from './failure.ts'

/** How to reach Redis. */
export interface RedisOptions {
  /** `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS. */
  url: string
  /** PEM certificates of a private authority, for `rediss://`. */
  ca?: string | readonly string[] | undefined
  /** Before all names of keys; installations with different prefixes share nothing. `saddle` by default. */
  prefix?: string | undefined
  /**
   * How long a call waits for a Redis that is away, in milliseconds, before it fails with `STORE_FAILED`. A worker should be
   * patient (a minute by default), since its work continues when Redis is back; a server that can answer 503 should not.
   */
  patienceMs?: number | undefined
}

/** What applies where an option is left out. */
export const redisDefaults = { prefix: 'saddle', patienceMs: 60_000 } as const satisfies Partial<RedisOptions>

/** A command that was not answered within this time, in milliseconds, is sent again. */
const commandTimeout = 5000

/**
 * One connection to Redis that is made again whenever it is lost. What cannot be sent, or is not answered, is repeated
 * until patience ends; a script that writes does so once, however often it is repeated.
 */
export class RedisConnection {
  readonly #options: RedisOptions
  readonly #redis: Redis
  readonly #patienceMs: number
  /** For messages; never with credentials. */
  readonly host: string
  #reason: Error | undefined
  closed = false

  private constructor(redis: Redis, options: RedisOptions) {
    this.#redis = redis
    this.#options = options
    this.#patienceMs = options.patienceMs ?? redisDefaults.patienceMs
    this.host = `${redis.options.host}:${redis.options.port}`
    // A command that fails says only that there is no connection; why comes here.
    redis.on('error', (error) => (this.#reason = error))
    redis.on('ready', () => (this.#reason = undefined))
  }

  /**
   * Connects, and checks that the server will do.
   *
   * @throws SaddleError `STORE_FAILED` when it cannot be reached, refuses the credentials, is older than 7.0 or could evict
   * keys; `INVALID_INPUT` for an address that is none
   */
  static async open(options: RedisOptions): Promise<RedisConnection> {
    const redis = new Redis(checkedUrl(options.url), {
      ...clientOptions(options),
      lazyConnect: true,
      commandTimeout,
      enableOfflineQueue: false,
      // What was sent and not answered fails at once and is repeated here, where it is known how.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    })
    const connection = new RedisConnection(redis, options)
    try {
      await redis.connect()
      await checkServer(redis, connection.host)
      return connection
    } catch (error) {
      redis.disconnect()
      throw connection.#failure(error)
    }
  }

  /**
   * A connection of its own for commands that block, or for a library that manages its commands itself. What was sent and not
   * answered when it is lost is sent again once it is back: without that it would never be answered at all.
   */
  duplicate(): Redis {
    const redis = new Redis(this.#options.url, { ...clientOptions(this.#options), maxRetriesPerRequest: null })
    redis.on('error', () => {})
    return redis
  }

  /** The full name of a key. The braces keep all keys in one slot of a Redis cluster. */
  key(...parts: readonly (string | number)[]): string {
    return [`{${this.#options.prefix ?? redisDefaults.prefix}}`, ...parts].join(':')
  }

  /** What goes before the names of keys. */
  get prefix(): string {
    return this.key()
  }

  /** Reads, again and again while Redis is away. */
  async read<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
    const end = Date.now() + this.#patienceMs
    for (let waitMs = 50; ; waitMs = Math.min(1000, waitMs * 2)) {
      if (this.closed) throw new SaddleError('STORE_FAILED', 'The store was closed.')
      try {
        return await command(this.#redis)
      } catch (error) {
        if ((isReply(error) && !isPassing(error)) || Date.now() + waitMs > end) throw this.#failure(error)
      }
      await sleep(waitMs)
    }
  }

  /** Runs a script that only reads. */
  async query(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<string> {
    return this.read((redis) => evaluate(redis, script, keys, args))
  }

  /** Runs a script that writes, at most once: an answer that was lost is remembered and given again. */
  async write(script: WriteScript, keys: readonly string[], args: readonly (string | number)[]): Promise<string> {
    const token = this.key('op', randomUUID())
    const memory = Math.max(120_000, this.#patienceMs * 2)
    return this.read((redis) => evaluate(redis, script, [token, ...keys], [memory, ...args]))
  }

  #failure(error: unknown): SaddleError {
    return redisError(isReply(error) || SaddleError.is(error) ? error : (this.#reason ?? error), this.host)
  }

  /** Closes the connection; what is under way fails. */
  close(): void {
    this.closed = true
    this.#redis.disconnect()
  }
}

/** A Lua script. */
export class Script {
  readonly sha: string

  constructor(readonly source: string) {
    this.sha = createHash('sha1').update(source).digest('hex')
  }
}

/**
 * A Lua script that writes and returns a string. `KEYS[1]` and `ARGV[1]` belong to the memory of its answers; its own begin
 * at 2.
 */
export class WriteScript extends Script {
  constructor(body: string) {
    super(`
      local known = redis.call('GET', KEYS[1])
      if known then return known end
      local function work() ${body} end
      local answer = work()
      redis.call('SET', KEYS[1], answer, 'PX', ARGV[1])
      return answer`)
  }
}

async function evaluate(redis: Redis, { sha, source }: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<string> {
  try {
    return (await redis.evalsha(sha, keys.length, ...keys, ...args)) as string
  } catch (error) {
    if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error
    return (await redis.eval(source, keys.length, ...keys, ...args)) as string
  }
}

/** Replies of a server that starts, fails over or is busy. */
const isPassing = ({ message }: Error): boolean => /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY) /.test(message)

function clientOptions({ ca }: RedisOptions) {
  return {
    connectTimeout: 5000,
    // A peer that fell silent (a frozen server, a cable that was pulled) is left for a new connection.
    keepAlive: 10_000,
    retryStrategy: (times: number) => Math.min(1000, 50 * times),
    ...(ca === undefined ? {} : { tls: { ca: typeof ca === 'string' ? ca : [...ca] } }),
  }
}

function checkedUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed && /^rediss?:$/.test(parsed.protocol) && parsed.hostname) return url
  throw new SaddleError('INVALID_INPUT', 'The address of Redis is none. Write it like redis://localhost:6379, or rediss:// for TLS.', {
    context: { option: 'url' },
  })
}
