// A store of your own: migrations are remembered as usual, and each record also goes into a file of your choice when its
// migration ends, one JSON object a line, for those who keep the books.
//
// It builds on the store in memory, and passes the contract suite like any other (see archiving-store.test.ts). A store on a
// database of yours implements MigrationStore from the ground up; packages/core/src/store/memory.ts is the shortest to learn
// from, and @saddle/core/store/kit has what stores share.
import { appendFile } from 'node:fs/promises'
import { isFinal, MemoryStore, SaddleError } from '@saddle/core'

export class ArchivingStore extends MemoryStore {
  #path

  constructor(path) {
    super()
    this.#path = path
  }

  async updateMigration(id, change, fence) {
    await super.updateMigration(id, change, fence)
    if (!change.status || !isFinal(change.status)) return
    const record = await this.getMigration(id)
    // Whatever a store throws is a SaddleError, so that callers can tell what kind of failure it was.
    await appendFile(this.#path, `${JSON.stringify(record)}\n`).catch((cause) => {
      const code = cause.code === 'ENOSPC' ? 'STORE_FULL' : 'STORE_FAILED'
      throw new SaddleError(code, `The archive ${this.#path} cannot be written. Make room, or give this user the right to.`, { cause })
    })
  }
}
