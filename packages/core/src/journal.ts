import type { Fence, JournalEntry, JsonValue, MigrationStore } from './store/store.ts'

/**
 * Notes each remote write before and after it happens. After a crash, an intent without its `done` tells that the server
 * has to be asked; nothing is assumed from it.
 */
export class Journal {
  readonly #store: MigrationStore
  readonly #id: string
  readonly #fence: Fence
  readonly entries: JournalEntry[]

  private constructor(store: MigrationStore, id: string, fence: Fence, entries: JournalEntry[]) {
    this.#store = store
    this.#id = id
    this.#fence = fence
    this.entries = entries
  }

  /** Reads what earlier runs noted. */
  static async open(store: MigrationStore, id: string, fence: Fence): Promise<Journal> {
    return new Journal(store, id, fence, await store.journal(id))
  }

  /** Performs a remote write between its two entries. A write that failed leaves its intent. */
  async around<T>(key: string, write: () => Promise<T>, dataOf?: (result: T) => JsonValue): Promise<T> {
    await this.#append({ key, state: 'intent', at: new Date().toISOString() })
    const result = await write()
    const data = dataOf?.(result)
    await this.#append({ key, state: 'done', at: new Date().toISOString(), ...(data === undefined ? {} : { data }) })
    return result
  }

  async #append(entry: JournalEntry): Promise<void> {
    await this.#store.appendJournal(this.#id, entry, this.#fence)
    this.entries.push(entry)
  }
}
