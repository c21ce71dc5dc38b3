import {
  isFinal, MigrationEngine, migrationHandler, SaddleError,
  type Credentials, type CredentialVault, type JobQueue, type JobResult, type MigrationJob, type MigrationStore, type QueueWorker,
  type TokenSource,
} from '@saddle/core'
import type { FastifyBaseLogger } from 'fastify'
import type { Clients } from '../clients.ts'
import type { GitHubLogin } from '../github/login.ts'
import type { Metrics } from '../metrics.ts'
import { describe } from '../security/errors.ts'
import { parseCredentialRef, type CredentialRef } from './credential-ref.ts'

export interface WorkerParts {
  store: MigrationStore
  vault: CredentialVault
  clients: Clients
  login: GitHubLogin | undefined
  leaseMs: number | undefined
  /** For jobs that name no credentials. */
  ownEngine?: MigrationEngine | undefined
  log: FastifyBaseLogger
  metrics?: Metrics | undefined
}

/** Running migrations have so long to end by themselves when the server stops. */
const graceMs = 5000

/** Works on a queue's jobs with the credentials that the vault holds for each, and gives those up when the job has ended. */
export class Worker {
  readonly #parts: WorkerParts
  readonly #worker: QueueWorker
  /** By the migration's id. */
  readonly #running = new Map<string, MigrationEngine>()

  constructor(parts: WorkerParts, queue: JobQueue, concurrency: number) {
    this.#parts = parts
    const { metrics } = parts
    this.#worker = queue.process((job, { signal }) => (metrics ? metrics.during(() => this.#work(job, signal)) : this.#work(job, signal)), {
      concurrency,
      onError: (error) => parts.log.error({ err: describe(error) }, 'a job failed and is tried again'),
    })
  }

  /** The engine that works on a migration in this process. */
  engineOf(migrationId: string): MigrationEngine | undefined {
    return this.#running.get(migrationId)
  }

  /** Takes no more jobs, lets those under way end for a moment, and leaves the rest to whoever starts next. */
  close(): Promise<void> {
    return this.#worker.close({ graceMs: this.#running.size > 0 ? graceMs : 0 })
  }

  async #work(job: MigrationJob, signal: AbortSignal): Promise<JobResult> {
    const { store, log } = this.#parts
    const ref = parseCredentialRef(job.credentialRef)
    const migrationId = job.kind === 'migration' ? job.migrationId : (await store.bulks.item(job.bulkId, job.index))?.migrationId
    const sentBefore = await this.#sent(migrationId)
    const borrowed: (() => void)[] = []
    const jobLog = log.child({ migrationId, ...(job.kind === 'bulk-item' ? { bulkId: job.bulkId } : {}) })
    jobLog.info('migration begins')
    try {
      const handler = migrationHandler({
        store,
        engineFor: async () => {
          const own = job.credentialRef === undefined ? this.#parts.ownEngine : undefined
          const engine = own ?? (await this.#engine(ref, borrowed))
          if (migrationId !== undefined) this.#running.set(migrationId, engine)
          this.#parts.metrics?.watchEngine(engine)
          return engine
        },
      })
      const result = await handler(job, { signal })
      if (result === 'done') await this.#ended(job, ref, migrationId, jobLog)
      this.#parts.metrics?.sent((await this.#sent(migrationId)) - sentBefore)
      return result
    } finally {
      if (migrationId !== undefined) this.#running.delete(migrationId)
      for (const release of borrowed) release()
    }
  }

  /** Bytes of packs that a migration sent so far; only where that is counted. */
  async #sent(migrationId: string | undefined): Promise<number> {
    if (!this.#parts.metrics || migrationId === undefined) return 0
    return (await this.#parts.store.getMigration(migrationId))?.transferred.bytes ?? 0
  }

  async #engine(ref: CredentialRef | undefined, borrowed: (() => void)[]): Promise<MigrationEngine> {
    const { store, vault, clients, leaseMs } = this.#parts
    const credentials: Partial<Credentials> = ref ? await vault.ofJob(ref.owner, ref.job) : {}
    if (!ref || !credentials.bitbucket || !credentials.github) throw credentialsGone()
    const bitbucket = clients.borrowBitbucket(credentials.bitbucket)
    borrowed.push(bitbucket.release)
    const github = clients.borrowGitHub(credentials.github, credentials.github.refreshToken === undefined ? undefined : this.#tokenOf(ref))
    borrowed.push(github.release)
    return new MigrationEngine({ bitbucket: bitbucket.client, github: github.client, store, leaseMs })
  }

  /** The token of a login to GitHub's App, which another one replaces while a long migration runs. */
  #tokenOf({ owner, job }: CredentialRef): TokenSource {
    const { login, vault } = this.#parts
    const read = async () => (await vault.ofJob(owner, job)).github
    return async () => {
      const credential = login ? await login.fresh(owner, read) : await read()
      if (!credential) throw credentialsGone()
      return credential.token
    }
  }

  async #ended(job: MigrationJob, ref: CredentialRef | undefined, migrationId: string | undefined, log: FastifyBaseLogger): Promise<void> {
    const { store, vault } = this.#parts
    const record = migrationId === undefined ? undefined : await store.getMigration(migrationId)
    const error = record?.error ? { err: describe(record.error) } : {}
    log[record?.status === 'failed' ? 'warn' : 'info']({ status: record?.status, ...error }, 'migration ended')
    const whole = job.kind === 'migration' ? record : await store.bulks.get(job.bulkId)
    if (ref && (!whole || isFinal(whole.status))) await vault.release(ref.owner, ref.job)
  }
}

const credentialsGone = () => new SaddleError('AUTHENTICATION_FAILED', 'The credentials of this migration are gone. Log in and retry it.')
