import type { MigrationStore } from '@saddle/core'
import { snapshotOf } from './translate.ts'

/** Where a migration stands. */
interface Standing {
  /** The session that started it. */
  owner: string | undefined
  /** The body of a status answer. */
  json: string
}

/** An answer is given again for so long. */
const rememberMs = 20

/**
 * Where migrations stand, as JSON. It is asked more often than anything else, and by many at once; so the store is read for
 * all who ask within a moment, not for each of them.
 */
export class Snapshots {
  readonly #store: MigrationStore
  readonly #recent = new Map<string, Promise<Standing | undefined>>()

  constructor(store: MigrationStore) {
    this.#store = store
  }

  /** The migration's state as of now or of a moment ago; undefined for one that there is not. */
  of(id: string): Promise<Standing | undefined> {
    const known = this.#recent.get(id)
    if (known) return known
    const read = this.#read(id)
    this.#recent.set(id, read)
    setTimeout(() => this.#recent.get(id) === read && this.#recent.delete(id), rememberMs).unref()
    return read
  }

  /** What was read is not true any more: whoever was told of a change does not see what was before it. */
  forget(id: string): void {
    this.#recent.delete(id)
  }

  async #read(id: string): Promise<Standing | undefined> {
    const record = await this.#store.getMigration(id)
    return record && { owner: record.owner, json: JSON.stringify(snapshotOf(record)) }
  }
}
