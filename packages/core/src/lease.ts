import { SaddleError, sleep, throwIfAborted, type CallOptions } from '@saddle/transport'
import type { Lease, MigrationStore } from './store/store.ts'

const lookEveryMs = 100

/**
 * Takes the lease on a target. One that is held is watched: a holder that is alive renews it, then the migration is
 * running elsewhere; one that was killed does not, and its lease is waited out.
 *
 * @throws SaddleError `MIGRATION_RUNNING`
 */
export async function takeLease(
  store: MigrationStore,
  key: string,
  holder: string,
  options: CallOptions & { ttlMs: number },
): Promise<Lease> {
  let seen: Lease | undefined
  for (;;) {
    throwIfAborted(options.signal)
    const lease = await store.acquireLease(key, holder, options.ttlMs)
    if (lease) return lease
    const held = await store.getLease(key)
    if (!held) continue
    seen ??= held
    if (held.fence !== seen.fence || held.expiresAt !== seen.expiresAt) throw runningElsewhere(key)
    const left = Date.parse(held.expiresAt) - Date.now()
    await sleep(Math.max(1, Math.min(lookEveryMs, left)), options.signal)
  }
}

/** The error for a target that somebody is working on. */
export function runningElsewhere(key: string): SaddleError {
  const target = key.split('/').slice(1).join('/')
  return new SaddleError(
    'MIGRATION_RUNNING',
    `A migration to ${target} is running. Wait for its end, follow its events, or cancel it.`,
    { context: { target } },
  )
}

/** What a {@link LeaseKeeper} needs. */
export interface LeaseKeeperOptions {
  store: MigrationStore
  lease: Lease
  ttlMs: number
  /** How often to look, in milliseconds; a third of `ttlMs` by default. */
  everyMs?: number
  /** What to say when another process has taken over. */
  lostText: string
  /** Why the run is to stop, when somebody asked for that. */
  cancellation: () => Promise<SaddleError | undefined>
  /** Stops the run, with the reason. */
  abort: (reason: SaddleError) => void
}

/** Renews a lease while a run is under way, and notices when the run is to stop. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  #timer: NodeJS.Timeout
  #validUntil: number
  #stopped = false
  #renewing: Promise<void> = Promise.resolve()

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#validUntil = Date.now() + options.ttlMs
    this.#timer = this.#next()
  }

  /** Stops renewing and gives the lease up. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#renewing
    // A store that fails now has reported that already, or the lease expires by itself.
    await this.#options.store.releaseLease(this.#options.lease).catch(() => undefined)
  }

  #next(): NodeJS.Timeout {
    const { ttlMs, everyMs = ttlMs / 3 } = this.#options
    return setTimeout(() => {
      this.#renewing = this.#renew().then(() => {
        if (!this.#stopped) this.#timer = this.#next()
      })
    }, everyMs)
  }

  async #renew(): Promise<void> {
    const { store, lease, ttlMs, lostText, cancellation, abort } = this.#options
    const asked = Date.now()
    try {
      if (!(await store.renewLease(lease, ttlMs))) {
        this.#stopped = true
        abort(new SaddleError('LEASE_LOST', lostText))
        return
      }
      this.#validUntil = asked + ttlMs
      const reason = await cancellation()
      if (reason) abort(reason)
    } catch (error) {
      // One failure is not the end while the lease holds.
      if (Date.now() + ttlMs / 3 > this.#validUntil) abort(SaddleError.from(error, 'STORE_FAILED'))
    }
  }
}

/** Why a run stops that somebody cancelled. */
export const cancelled = (): SaddleError => new SaddleError('ABORTED', 'The migration was cancelled.')

/** The error with the migration's id in its context. */
export function withMigration(thrown: unknown, migrationId: string): SaddleError {
  const { code, message, retryable, context } = SaddleError.from(thrown)
  return new SaddleError(code, message, { cause: thrown, retryable, context: { ...context, migrationId } })
}
