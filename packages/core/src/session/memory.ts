import type { SessionStore } from './store.ts'

interface Entry {
  value: string
  expiresAt: number
}

/** How often expired entries are looked for, in writes. */
const sweepEvery = 512

/** Sessions in this process's memory: gone when it ends. For tests and for servers that may forget. */
export class MemorySessionStore implements SessionStore {
  readonly #entries = new Map<string, Entry>()
  readonly #now: () => number
  #writes = 0

  /** @param options - `now` replaces the clock, in milliseconds since 1970 */
  constructor(options: { now?: () => number } = {}) {
    this.#now = options.now ?? (() => Date.now())
  }

  async get(key: string): Promise<string | undefined> {
    return this.#read(key)
  }

  async set(key: string, value: string, expiresAt: number): Promise<void> {
    this.#write(key, value, expiresAt)
  }

  async replace(key: string, expected: string | undefined, value: string, expiresAt: number): Promise<boolean> {
    if (this.#read(key) !== expected) return false
    this.#write(key, value, expiresAt)
    return true
  }

  async take(key: string): Promise<string | undefined> {
    const value = this.#read(key)
    this.#entries.delete(key)
    return value
  }

  async rotate(from: string, to: string, value: string, expiresAt: number): Promise<boolean> {
    if (this.#read(from) === undefined) return false
    this.#entries.delete(from)
    this.#write(to, value, expiresAt)
    return true
  }

  async delete(key: string): Promise<boolean> {
    return (await this.take(key)) !== undefined
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    this.#entries.clear()
  }

  #read(key: string): string | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    if (entry.expiresAt > this.#now()) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  #write(key: string, value: string, expiresAt: number): void {
    this.#entries.set(key, { value, expiresAt })
    if (++this.#writes % sweepEvery !== 0) return
    const now = this.#now()
    for (const [name, entry] of this.#entries) if (entry.expiresAt <= now) this.#entries.delete(name)
  }
}
