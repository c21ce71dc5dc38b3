import type { Fence, JournalEntry, JsonValue, MigrationStore } from './store/store.ts'

/** What a {@link Journal} needs. */
export interface JournalOptions {
  store: MigrationStore
  id: string
  fence: Fence
  /** Done when each intent is noted, and ended before the write begins. */
  withIntent: () => Promise<void>
}

/**
 * Notes each remote write before and after it happens. After a crash, an intent without its `done` tells that the server
 * has to be asked; nothing is assumed from it.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly entries: JournalEntry[]

  private constructor(options: JournalOptions, entries: JournalEntry[]) {
    this.#options = options
    this.entries = entries
  }

  /** Reads what earlier runs noted. */
  static async open(options: JournalOptions): Promise<Journal> {
    return new Journal(options, await options.store.journal(options.id))
  }

  /** Whether the latest write of that key has no known end: it can still be under way, whoever began it. */
  unsettled(key: string): boolean {
    return this.entries.findLast((entry) => entry.key === key)?.state === 'intent'
  }

  /** Performs a remote write between its two entries. A write that failed leaves its intent. */
  async around<T>(key: string, write: () => Promise<T>, dataOf?: (result: T) => JsonValue): Promise<T> {
    await Promise.all([this.#options.withIntent(), this.#append({ key, state: 'intent', at: new Date().toISOString() })])
    const result = await write()
    const data = dataOf?.(result)
    await this.#append({ key, state: 'done', at: new Date().toISOString(), ...(data === undefined ? {} : { data }) })
    return result
  }

  async #append(entry: JournalEntry): Promise<void> {
    const { store, id, fence } = this.#options
    await store.appendJournal(id, entry, fence)
    this.entries.push(entry)
  }
}
