import { SaddleError } from '@saddle/transport'
import type { Lease, MigrationStore } from '../store/store.ts'

/** What a {@link BulkKeeper} needs. */
export interface BulkKeeperOptions {
  store: MigrationStore
  bulkId: string
  lease: Lease
  ttlMs: number
  /** Stops the run, with the reason. */
  abort: (reason: SaddleError) => void
}

/** Keeps the lease of a bulk migration while this process runs it, and notices when somebody cancels it. */
export class BulkKeeper {
  readonly #options: BulkKeeperOptions
  #stopped = false
  #timer: NodeJS.Timeout
  #looking: Promise<void> = Promise.resolve()
  #validUntil: number

  constructor(options: BulkKeeperOptions) {
    this.#options = options
    this.#validUntil = Date.now() + options.ttlMs
    this.#timer = this.#next()
  }

  /** Gives the lease up. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#looking
    // A store that fails now has reported that already, or the lease expires by itself.
    await this.#options.store.releaseLease(this.#options.lease).catch(() => undefined)
  }

  #next(): NodeJS.Timeout {
    return setTimeout(
      () => {
        this.#looking = this.#look().then(() => {
          if (!this.#stopped) this.#timer = this.#next()
        })
      },
      Math.min(1000, this.#options.ttlMs / 3),
    )
  }

  async #look(): Promise<void> {
    const { store, bulkId, lease, ttlMs, abort } = this.#options
    const asked = Date.now()
    try {
      if (!(await store.renewLease(lease, ttlMs))) {
        this.#stopped = true
        const text = `Another process took over the bulk migration ${bulkId}; this one was silent for too long and stops.`
        abort(new SaddleError('LEASE_LOST', text))
        return
      }
      this.#validUntil = asked + ttlMs
      if ((await store.bulks.get(bulkId))?.cancelRequested) abort(bulkCancelled())
    } catch (error) {
      // One failure is not the end while the lease holds.
      if (Date.now() + ttlMs / 3 > this.#validUntil) abort(SaddleError.from(error, 'STORE_FAILED'))
    }
  }
}

/** Why a run stops that somebody cancelled. */
export const bulkCancelled = (): SaddleError => new SaddleError('ABORTED', 'The bulk migration was cancelled.')
