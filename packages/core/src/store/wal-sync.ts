import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Waits until SQLite's write-ahead log is on the disk, beside the event loop: what SQLite itself does for
 * `synchronous = FULL` within each commit. Those who ask while a sync runs share the next one.
 */
export class WalSync {
  readonly #log: FileHandle
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  private constructor(log: FileHandle) {
    this.#log = log
  }

  /** For a database that is open in WAL mode, whose log stays where it is until the database is closed. */
  static async open(path: string): Promise<WalSync> {
    const log = await open(`${path}-wal`, 'r+')
    await syncFolder(dirname(path))
    return new WalSync(log)
  }

  /** Resolves when everything that was committed before the call is on the disk. */
  wait(): Promise<void> {
    // The sync that runs may have begun before the last commit.
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      const sync = this.#log.datasync()
      this.#running = sync.catch(() => undefined)
      return sync
    })
    return this.#next
  }

  /** Lets go of the log, once nobody waits for it. */
  close(): void {
    const waited = this.#next ?? this.#running
    waited.catch(() => undefined).then(() => this.#running).then(() => this.#log.close()).catch(() => undefined)
  }
}

/** A file that is new is on the disk once its folder is. Windows has no such sync, and needs none. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}
