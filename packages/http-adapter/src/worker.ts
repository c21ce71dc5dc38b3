import { CredentialVault, Keyring, type Budget, type JobQueue, type MigrationEngine, type MigrationStore, type SessionStore } from '@saddle/core'
import { pino, type Logger } from 'pino'
import { Clients } from './clients.ts'
import { GitHubLogin } from './github/login.ts'
import { Worker } from './jobs/worker.ts'
import type { Metrics } from './metrics.ts'
import { defaults, type SourceOptions, type TargetOptions } from './options.ts'

/** Options of {@link createWorker}. */
export interface WorkerOptions {
  bitbucket: SourceOptions
  github?: TargetOptions
  /** The servers' store, session store and queue. They are not closed with the worker. */
  store: MigrationStore
  sessionStore: SessionStore
  queue: JobQueue
  /** The servers' session keys, with which credentials are read. */
  sessionKeys: readonly string[]
  /** Does the jobs that name no credentials, as the command makes them; without it, they fail. */
  ownEngine?: MigrationEngine
  /** Repositories at once. 4 by default. */
  concurrency?: number
  /** How long a run's claim on a target lasts if its process dies, in milliseconds; see `MigrationEngine`. */
  leaseMs?: number
  /** The servers' budgets, where a cluster shares them. */
  budgetFor?: ((server: 'bitbucket' | 'github', identity: string) => Budget) | undefined
  logger?: Logger
  /** Counts what happens. */
  metrics?: Metrics
}

/** Does the work that servers put into the queue. */
export interface SaddleWorker {
  /** Takes no more work, gives what runs a moment to end, and leaves the rest to other workers. */
  close(): Promise<void>
}

/**
 * Starts to work on the servers' queue, in a process of its own or beside a server with `concurrency: 0`.
 *
 * @throws SaddleError `MISSING_CONFIGURATION` or `INVALID_INPUT` for options that cannot work
 */
export async function createWorker(options: WorkerOptions): Promise<SaddleWorker> {
  const { store, sessionStore, queue, budgetFor, metrics } = options
  const { oauth: _, privateKeyPath: __, ...target } = options.github ?? {}
  const vault = new CredentialVault(sessionStore, new Keyring(options.sessionKeys))
  const clients = new Clients({ source: options.bitbucket, target, budgetFor, metrics })
  const login = await GitHubLogin.open(options.github ?? {}, sessionStore, vault)
  const log = options.logger ?? pino({ level: 'silent' })
  const worker = new Worker({ store, vault, clients, login, leaseMs: options.leaseMs, ownEngine: options.ownEngine, log, metrics }, queue, options.concurrency ?? defaults.concurrency)
  return {
    close: async () => {
      await worker.close()
      await clients.close()
    },
  }
}
