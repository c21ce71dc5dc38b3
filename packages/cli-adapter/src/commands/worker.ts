import { migrationHandler, SaddleError, type JobQueue, type MigrationEngine } from '@saddle/core'
import { createLogger, createWorker } from '@saddle/http-adapter'
import { withEngine, type Backend } from '../engine.ts'
import { bitbucketSettings, gitHubSettings, redisSettings, secretsOf, sessionKeys } from '../environment.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { WorkerOptions } from '../options.ts'
import { stopped } from '../stopped.ts'

/** Migrations under way have so long to end by themselves when the worker is stopped, in milliseconds. */
const graceMs = 5000
/** How soon a job that needs the servers' credentials is offered to others, in milliseconds. */
const passOnMs = 5000

/**
 * `saddle worker`: does what `saddle bulk` and servers put into the queue on Redis, until it is told to stop. Work of
 * `saddle bulk` is done with the credentials of this process, work of servers with those that the session keys open.
 */
export function worker({ concurrency, logLevel }: WorkerOptions, io: Io): Promise<ExitStatus> {
  const { env } = io
  if (!redisSettings(env)) {
    throw new SaddleError('MISSING_CONFIGURATION', 'SADDLE_REDIS_URL is not set: the Redis that workers and servers share, for example redis://localhost:6379.', {
      context: { option: 'SADDLE_REDIS_URL' },
    })
  }
  const keys = sessionKeys(env)
  const logger = createLogger({ write: (line) => io.stdout.write(line) }, { level: logLevel, secrets: [...secretsOf(env), ...(keys ?? [])] })
  return withEngine(io, async (ownEngine, backend) => {
    const { store, queue, sessionStore, budgetFor } = backend as Required<Pick<Backend, 'store' | 'queue' | 'sessionStore'>> & Backend
    const { auth: _source, ...bitbucket } = bitbucketSettings(env)
    const { auth: _target, ...github } = gitHubSettings(env)
    const shared = { store, queue, concurrency, logger, ownEngine }
    const running = keys
      ? await createWorker({ ...shared, bitbucket, github, sessionStore, sessionKeys: keys, ...(budgetFor ? { budgetFor } : {}) })
      : ownWorker(shared)
    io.stderr.write(`Saddle works on up to ${concurrency} repositories at once. Stop it with Ctrl-C.\n`)
    logger.info({ concurrency, servers: keys !== undefined }, 'working')
    await stopped(io)
    logger.info('stopping')
    await running.close()
    return exitStatus.done
  })
}

/** Without session keys, jobs of servers are left to workers that have them. */
function ownWorker({ store, queue, concurrency, logger, ownEngine }: {
  store: Backend['store']
  queue: JobQueue
  concurrency: number
  logger: ReturnType<typeof createLogger>
  ownEngine: MigrationEngine
}): { close(): Promise<void> } {
  const handler = migrationHandler({ store, engineFor: async () => ownEngine })
  const running = queue.process(
    async (job, options) => {
      if (job.credentialRef !== undefined) return { againInMs: passOnMs }
      logger.info({ job }, 'job begins')
      const result = await handler(job, options)
      logger.info({ job, result }, 'job ended')
      return result
    },
    { concurrency, onError: (error) => logger.error({ err: SaddleError.from(error).toJSON() }, 'a job failed and is tried again') },
  )
  return { close: () => running.close({ graceMs }) }
}
