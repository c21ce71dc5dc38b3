import {
  emptySnapshot, isFinal, MigrationEngine, reduce, SaddleError,
  type Credentials, type CredentialVault, type MigrationRecord, type MigrationStore,
} from '@saddle/core'
import type { FastifyBaseLogger } from 'fastify'
import type { Clients } from '../clients.ts'
import type { GitHubLogin } from '../github/login.ts'
import { describe } from '../security/errors.ts'
import { Queue } from './queue.ts'

export interface JobsOptions {
  store: MigrationStore
  vault: CredentialVault
  clients: Clients
  login: GitHubLogin | undefined
  concurrency: number
  leaseMs: number | undefined
  log: FastifyBaseLogger
}

/** A target that somebody else is working on is looked at again after so long. */
const busyRetryMs = 2000
/** Running migrations have so long to end by themselves when the server stops. */
const graceMs = 5000

/** A run that ends this way is neither complete nor failed: its record stays as it is, and the next start continues it. */
const suspended = () => new SaddleError('LEASE_LOST', 'The server is stopping; the migration goes on when it starts again.')

interface Job {
  readonly id: string
  readonly owner: string
}

/**
 * Runs migrations of this server's sessions, a few at a time, with the credentials that the vault holds for each. What
 * was under way when a process ended is found in the store and continued.
 */
export class Jobs {
  readonly #options: JobsOptions
  readonly #queue: Queue
  readonly #running = new Map<string, MigrationEngine>()
  readonly #stopping = new AbortController()

  constructor(options: JobsOptions) {
    this.#options = options
    this.#queue = new Queue(options.concurrency)
  }

  /** Whether new work is taken. */
  get accepts(): boolean {
    return !this.#stopping.signal.aborted
  }

  /** Runs the work with an engine of these credentials. */
  withEngine<T>(credentials: Credentials, work: (engine: MigrationEngine) => Promise<T>): Promise<T> {
    const { clients, store, leaseMs } = this.#options
    return clients.bitbucket(credentials.bitbucket, (bitbucket) =>
      clients.github(credentials.github, (github) => work(new MigrationEngine({ bitbucket, github, store, leaseMs }))),
    )
  }

  /** Runs a migration when its turn comes. Its credentials are held already. */
  start(job: Job): void {
    this.#queue.add(() => this.#run(job))
  }

  /** Stops a migration, wherever it runs; false when it had ended already. */
  async cancel({ id, owner }: Job): Promise<boolean> {
    const engine = this.#running.get(id)
    if (engine) return engine.cancel(id)
    const credentials = await this.#options.vault.ofJob(owner, id)
    if (!isComplete(credentials)) {
      const record = await this.#options.store.getMigration(id)
      if (!record || isFinal(record.status)) return false
      await this.#end(id, 'cancelled', new SaddleError('ABORTED', 'The migration was cancelled.'))
      return true
    }
    return this.withEngine(credentials, (another) => another.cancel(id))
  }

  /** Continues what a process of before left unfinished. */
  async recover(): Promise<void> {
    for (const status of ['in_progress', 'pending'] as const) {
      const found: MigrationRecord[] = []
      let cursor: string | undefined
      do {
        const page = await this.#options.store.listMigrations({ status, limit: 500, ...(cursor === undefined ? {} : { cursor }) })
        found.push(...page.items)
        cursor = page.cursor
      } while (cursor !== undefined)
      // The oldest first, as they were started.
      for (const { id, owner, bulkId } of found.reverse()) {
        if (owner === undefined || bulkId !== undefined) continue
        // Others may use the store as well; what the vault knows nothing of is theirs.
        if (await this.#options.vault.holds(owner, id)) this.start({ id, owner })
      }
    }
  }

  /** Takes no more work, lets what runs end for a moment, and suspends the rest. */
  async close(): Promise<void> {
    this.#queue.close()
    const timer = setTimeout(() => this.#stopping.abort(suspended()), this.#running.size > 0 ? graceMs : 0)
    await this.#queue.idle()
    clearTimeout(timer)
    this.#stopping.abort(suspended())
  }

  async #run(job: Job): Promise<void> {
    const { vault, login, log } = this.#options
    const { id, owner } = job
    const jobLog = log.child({ migrationId: id })
    try {
      const record = await this.#options.store.getMigration(id)
      if (!record || isFinal(record.status)) return await this.#release(job)
      const credentials = await vault.ofJob(owner, id)
      if (!isComplete(credentials)) throw new SaddleError('AUTHENTICATION_FAILED', 'The credentials of this migration are gone. Log in and retry it.')
      const github = (await login?.fresh(owner, credentials.github)) ?? credentials.github
      jobLog.info('migration runs')
      await this.withEngine({ ...credentials, github }, async (engine) => {
        this.#running.set(id, engine)
        await engine.run(id, { signal: this.#stopping.signal }).finally(() => this.#running.delete(id))
      })
      jobLog.info('migration completed')
    } catch (thrown) {
      const error = SaddleError.from(thrown)
      if (this.#stopping.signal.aborted) return
      // Another process works on it, or on its target; it may die.
      if (error.code === 'MIGRATION_RUNNING' || error.code === 'LEASE_LOST') return this.#later(job)
      jobLog.warn({ err: describe(error) }, 'migration ended early')
      await this.#settle(job, error)
    }
    await this.#release(job)
  }

  /** A failure before the run began has left no trace in the record yet. */
  async #settle({ id }: Job, error: SaddleError): Promise<void> {
    try {
      const record = await this.#options.store.getMigration(id)
      if (record && !isFinal(record.status)) await this.#end(id, 'failed', error)
    } catch (failure) {
      this.#options.log.error({ migrationId: id, err: describe(failure) }, 'the end of a migration could not be stored')
    }
  }

  async #end(id: string, status: 'failed' | 'cancelled', reason: SaddleError): Promise<void> {
    const { store } = this.#options
    const error = reason.toJSON()
    const at = new Date().toISOString()
    let snapshot = emptySnapshot()
    for await (const event of store.events(id)) snapshot = reduce(snapshot, event)
    await store.appendEvents(id, [{ migrationId: id, seq: snapshot.seq + 1, at, type: 'migration-end', status, durationMs: 0, error }])
    await store.updateMigration(id, { status, endedAt: at, error })
  }

  async #release({ id, owner }: Job): Promise<void> {
    await this.#options.vault.release(owner, id).catch((error: unknown) => {
      this.#options.log.error({ migrationId: id, err: describe(error) }, 'the credentials of an ended migration could not be removed')
    })
  }

  #later(job: Job): void {
    const timer = setTimeout(() => this.start(job), busyRetryMs)
    timer.unref()
    this.#stopping.signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  }
}

const isComplete = (credentials: Partial<Credentials>): credentials is Credentials =>
  credentials.bitbucket !== undefined && credentials.github !== undefined
