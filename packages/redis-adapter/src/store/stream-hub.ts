import { setTimeout as sleep } from 'node:timers/promises'
import { Watch } from '@saddle/core/store/kit'
import type { Redis } from 'ioredis'
import type { RedisConnection } from '../connection.ts'

/** How long one blocking read lasts without news, in milliseconds. */
const blockMs = 5000

interface Stream {
  /** The last entry that was told of; undefined until it is known where to begin. */
  last: string | undefined
  watches: Set<Watch>
}

/** Tells followers of new entries in streams: one connection, blocked in one XREAD, for all followers of a process. */
export class StreamHub {
  readonly #connection: RedisConnection
  readonly #streams = new Map<string, Stream>()
  #reader: Redis | undefined
  #readerId: number | undefined
  #loop: Promise<void> | undefined

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  /** Starts to watch a stream. A follower looks by itself now and then as well: news during a loss of connection may be missed. */
  watch(key: string): Watch {
    const stream = this.#streams.get(key) ?? { last: undefined, watches: new Set() }
    const watch = new Watch(() => {
      stream.watches.delete(watch)
      if (stream.watches.size === 0 && this.#streams.get(key) === stream) this.#streams.delete(key)
    })
    stream.watches.add(watch)
    if (!this.#streams.has(key)) {
      this.#streams.set(key, stream)
      void this.#begin(key, stream)
    }
    return watch
  }

  /** Wakes all followers, for the last time. */
  async close(): Promise<void> {
    for (const { watches } of this.#streams.values()) for (const watch of watches) watch.notify()
    this.#streams.clear()
    this.#reader?.disconnect()
    await this.#loop
  }

  async #begin(key: string, stream: Stream): Promise<void> {
    try {
      const [newest] = await this.#connection.read((redis) => redis.xrevrange(key, '+', '-', 'COUNT', 1))
      stream.last = newest?.[0] ?? '0-0'
      // What came between the follower's look and this one.
      for (const watch of stream.watches) watch.notify()
      this.#loop ??= this.#read().finally(() => (this.#loop = undefined))
      await this.#interrupt()
    } catch {
      // Followers look by themselves until the next one begins to watch.
      this.#streams.delete(key)
    }
  }

  /** Ends the blocking read under way, so that the next one has the new stream in it. */
  async #interrupt(): Promise<void> {
    const id = this.#readerId
    if (id !== undefined) await this.#connection.read((redis) => redis.client('UNBLOCK', id))
  }

  async #read(): Promise<void> {
    const reader = (this.#reader = this.#connection.duplicate())
    try {
      while (this.#streams.size > 0 && !this.#connection.closed) {
        try {
          this.#readerId ??= await reader.client('ID')
          await this.#readOnce(reader)
        } catch {
          this.#readerId = undefined
          if (!this.#connection.closed) await sleep(200)
        }
      }
    } finally {
      reader.disconnect()
      this.#reader = this.#readerId = undefined
    }
  }

  async #readOnce(reader: Redis): Promise<void> {
    const known = [...this.#streams].filter((entry): entry is [string, Stream & { last: string }] => entry[1].last !== undefined)
    if (known.length === 0) return void (await sleep(20))
    const keys = known.map(([key]) => key)
    const answer = await reader.xread('BLOCK', blockMs, 'STREAMS', ...keys, ...known.map(([, { last }]) => last))
    for (const [key, entries] of answer ?? []) {
      const stream = this.#streams.get(key)
      if (!stream) continue
      stream.last = entries.at(-1)?.[0] ?? stream.last
      for (const watch of stream.watches) watch.notify()
    }
  }
}
