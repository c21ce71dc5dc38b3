/** Work for one worker at a time. It carries ids and a reference to credentials, never a credential. */
export type MigrationJob = {
  /** Where the worker finds the credentials; absent for the worker's own. */
  credentialRef?: string
} & (
  | { kind: 'migration'; migrationId: string }
  | { kind: 'bulk-item'; bulkId: string; index: number }
)

/** What tells jobs apart. */
export const jobKey = (job: MigrationJob): string =>
  job.kind === 'migration' ? `migration/${job.migrationId}` : `bulk/${job.bulkId}/${job.index}`

/** What a handler did: its job is done, or it is to be given out again (to anybody) after that time. */
export type JobResult = 'done' | { againInMs: number }

/**
 * Does one job. `signal` fires when the worker is closed and its grace is over; the handler is then to stop soon, leaving
 * what it did in a state that others can continue from.
 */
export type JobHandler = (job: MigrationJob, options: { signal: AbortSignal }) => Promise<JobResult>

/** How jobs are worked on. */
export interface ProcessOptions {
  /** Jobs at once. */
  concurrency: number
  /** Told of a handler that threw; its job is tried again, a little later each time. */
  onError?: ((error: unknown, job: MigrationJob | undefined) => void) | undefined
}

/** Somebody who works on jobs. */
export interface QueueWorker {
  /**
   * Takes no more jobs, waits for those under way, and after `graceMs` (by default at once) makes their signals fire. What
   * is not done then is given to others.
   */
  close(options?: { graceMs?: number }): Promise<void>
}

/** How many jobs there are. */
export interface QueueCounts {
  /** Ready to be taken. */
  waiting: number
  /** Being worked on. */
  active: number
  /** To be given out again at some time. */
  delayed: number
}

/**
 * Gives each job to a worker, at least once: a worker that dies loses its jobs to others, so a handler asks the store what
 * has been done. Order is that of arrival. Implementations run `jobQueueSuite` of `@saddle/core/testing`.
 *
 * Every method fails with `STORE_FAILED` when the queue cannot be used.
 */
export interface JobQueue {
  /** Adds jobs. One that is already there (see {@link jobKey}), waiting or being worked on, is not added again. */
  enqueue(jobs: readonly MigrationJob[]): Promise<void>
  /** Begins to work on jobs. */
  process(handler: JobHandler, options: ProcessOptions): QueueWorker
  /** Stops giving out jobs, to all workers, until {@link resume}; those under way go on. */
  pause(): Promise<void>
  /** Gives out jobs again. */
  resume(): Promise<void>
  /** How many jobs wait, are worked on, and wait for their time. */
  counts(): Promise<QueueCounts>
  /** Resolves when the queue can be used now. */
  ping(): Promise<void>
  /** Closes the workers that were begun here, as {@link QueueWorker.close} does at once, and frees resources. */
  close(): Promise<void>
}

/** Milliseconds until a job whose handler threw is tried again. */
export const retryDelay = (failures: number): number => Math.min(30_000, 500 * 2 ** Math.min(10, Math.max(0, failures - 1)))
