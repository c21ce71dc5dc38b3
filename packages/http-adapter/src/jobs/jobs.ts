import {
  enqueueBulk, isFinal, MigrationEngine,
  type BulkRecord, type Credentials, type CredentialVault, type JobQueue, type MigrationRecord, type MigrationStore,
} from '@saddle/core'
import type { Clients } from '../clients.ts'
import { formatCredentialRef, parseCredentialRef } from './credential-ref.ts'
import type { Worker } from './worker.ts'

export interface JobsOptions {
  store: MigrationStore
  vault: CredentialVault
  clients: Clients
  queue: JobQueue
  /** Absent where other processes do the work. */
  worker: Worker | undefined
  leaseMs: number | undefined
}

type Filed = Pick<MigrationRecord, 'id' | 'owner'>

/** The work that sessions of this server asked for: files it, hands it to the queue, stops it, and finds it again after a restart. */
export class Jobs {
  readonly #options: JobsOptions
  #closed = false

  constructor(options: JobsOptions) {
    this.#options = options
  }

  /** Whether new work is taken. */
  get accepts(): boolean {
    return !this.#closed
  }

  /** Runs the work with an engine of these credentials. */
  withEngine<T>({ bitbucket, github }: Credentials, work: (engine: MigrationEngine) => Promise<T>): Promise<T> {
    const { clients, store, leaseMs } = this.#options
    return clients.bitbucket(bitbucket, (source) =>
      clients.github(github, (target) => work(new MigrationEngine({ bitbucket: source, github: target, store, leaseMs }))),
    )
  }

  /** Runs a migration when its turn comes. Its credentials are held already. */
  async start({ id, owner = '' }: Filed): Promise<void> {
    await this.#options.queue.enqueue([{ kind: 'migration', migrationId: id, credentialRef: formatCredentialRef({ owner, job: id }) }])
  }

  /** Runs the open repositories of a bulk migration when their turn comes. Its credentials are held already. */
  async startBulk({ id }: Pick<BulkRecord, 'id'>): Promise<void> {
    await enqueueBulk(this.#options.queue, this.#options.store, id)
  }

  /** Stops a migration: at once where this process works on it, else within seconds. False when it had ended already. */
  async cancel({ id, owner = '' }: Filed): Promise<boolean> {
    const { store, vault, worker } = this.#options
    const running = worker?.engineOf(id)
    if (running) return running.cancel(id)
    const credentials = await vault.ofJob(owner, id)
    if (isComplete(credentials)) return this.withEngine(credentials, (engine) => engine.cancel(id))
    const record = await store.getMigration(id)
    if (!record || isFinal(record.status)) return false
    await store.updateMigration(id, { cancelRequested: true })
    return true
  }

  /** Stops a bulk migration: what waits does not begin, what is under way is cancelled. False when it had ended already. */
  async cancelBulk({ id, credentialRef }: Pick<BulkRecord, 'id' | 'credentialRef'>): Promise<boolean> {
    const { store, vault } = this.#options
    const ref = parseCredentialRef(credentialRef)
    const credentials = ref ? await vault.ofJob(ref.owner, ref.job) : {}
    if (!isComplete(credentials)) {
      const record = await store.bulks.get(id)
      if (!record || isFinal(record.status)) return false
      await store.bulks.update(id, { cancelRequested: true })
      return true
    }
    return this.withEngine(credentials, async (engine) => {
      const cancelled = await engine.bulk.cancel(id)
      // What runs in this process is told, and need not notice.
      for await (const { migrationId } of engine.bulk.items(id, { status: ['in_progress'] })) {
        await this.#options.worker?.engineOf(migrationId)?.cancel(migrationId)
      }
      const ended = await store.bulks.get(id)
      if (ref && (!ended || isFinal(ended.status))) await vault.release(ref.owner, ref.job)
      return cancelled
    })
  }

  /** Continues what a process of before left unfinished. What the vault knows nothing of is somebody else's. */
  async recover(): Promise<void> {
    const { store, vault } = this.#options
    for (const status of ['in_progress', 'pending'] as const) {
      const migrations = await all((cursor) => store.listMigrations({ status, limit: 500, ...cursor }))
      // The oldest first, as they were started.
      for (const { id, owner, bulkId } of migrations.reverse()) {
        if (owner !== undefined && bulkId === undefined && (await vault.holds(owner, id))) await this.start({ id, owner })
      }
      const bulks = await all((cursor) => store.bulks.list({ status, limit: 500, ...cursor }))
      for (const bulk of bulks.reverse()) {
        const ref = parseCredentialRef(bulk.credentialRef)
        if (ref && (await vault.holds(ref.owner, ref.job))) await this.startBulk(bulk)
      }
    }
  }

  /** Takes no more work, and gives up what it does not end soon: whoever starts next goes on with it. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#options.worker?.close()
  }
}

const isComplete = (credentials: Partial<Credentials>): credentials is Credentials =>
  credentials.bitbucket !== undefined && credentials.github !== undefined

/** Every page of a list. */
async function all<T>(page: (cursor: { cursor?: string }) => Promise<{ items: T[]; cursor?: string }>): Promise<T[]> {
  const found: T[] = []
  for (let cursor: string | undefined; ; ) {
    const { items, cursor: next } = await page(cursor === undefined ? {} : { cursor })
    found.push(...items)
    if (next === undefined) return found
    cursor = next
  }
}
