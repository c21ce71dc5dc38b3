import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { BitbucketClient, GitHubClient, MigrationEngine, SaddleError, type Budget, type JobQueue, type MigrationStore, type SessionStore } from '@saddle/core'
import { SqliteStore } from '@saddle/core/store/sqlite'
import { bitbucketSettings, gitHubSettings, homeDirectory, plainTextWarnings, publicGitHubUrl, redisSettings } from './environment.ts'
import type { Io } from './io.ts'
import { styleOf } from './render/style.ts'

/** Where the command remembers and hands out work. */
export interface Backend {
  store: MigrationStore
  /** Present where other processes share the work: on Redis. */
  queue?: JobQueue
  /** Present with the queue: where servers keep the credentials of their jobs. */
  sessionStore?: SessionStore
  /** Present where budgets of requests are shared as well. */
  budgetFor?: (server: 'bitbucket' | 'github', identity: string) => Budget
}

/** How long the command waits for a Redis that is away, in milliseconds. */
const patienceMs = 60_000

/** Calls a function with what is on Redis, if `SADDLE_REDIS_URL` names one, else below `SADDLE_HOME`; closes it afterwards. */
export async function withBackend<T>({ env }: Io, use: (backend: Backend) => Promise<T>): Promise<T> {
  const redis = redisSettings(env)
  const opened = redis ? await openShared(redis, env['SADDLE_GITHUB_URL']) : await openOwn(homeDirectory(env))
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}

type Opened = Backend & { close(): Promise<void> }

async function openOwn(home: string): Promise<Opened> {
  await makeHome(home)
  const store = await SqliteStore.open({ path: join(home, 'saddle.db') })
  return { store, close: () => store.close() }
}

async function openShared(redis: { url: string; ca?: string }, githubUrl = publicGitHubUrl): Promise<Opened> {
  const { openBackends } = await import('@saddle/http-adapter')
  return openBackends({ directory: '', redis: { ...redis, patienceMs }, githubUrl })
}

/** Calls a function with the store, and closes it afterwards. */
export function withStore<T>(io: Io, use: (store: MigrationStore) => Promise<T>): Promise<T> {
  return withBackend(io, ({ store }) => use(store))
}

/** Calls a function with an engine as the environment describes it, and closes it afterwards. */
export async function withEngine<T>(io: Io, use: (engine: MigrationEngine, backend: Backend) => Promise<T>): Promise<T> {
  const { env } = io
  // What streams through is short-lived: with a young generation that stays small, about 30 MB less of it wait to be collected.
  setFlagsFromString('--semi-space-growth-factor=1')
  const settings = { bitbucket: bitbucketSettings(env), github: gitHubSettings(env) }
  warnOfPlainText(io)
  return withBackend(io, async (backend) => {
    const { store, budgetFor } = backend
    // Servers and workers name a budget in the same way, so that all who use these credentials share it.
    const budget = (server: 'bitbucket' | 'github', auth: object) =>
      budgetFor?.(server, createHash('sha256').update(JSON.stringify([server, auth])).digest('hex'))
    const bitbucket = new BitbucketClient({ ...settings.bitbucket, budget: budget('bitbucket', settings.bitbucket.auth) })
    const github = new GitHubClient({ ...settings.github, budget: budget('github', settings.github.auth) })
    const engine = new MigrationEngine({ bitbucket, github, store })
    try {
      return await use(engine, backend)
    } finally {
      await engine.close()
      await Promise.all([bitbucket.close(), github.close()])
    }
  })
}

/** Says which credentials travel in clear. */
export function warnOfPlainText(io: Io): void {
  const { colour } = styleOf(io.stderr, io.env)
  for (const warning of plainTextWarnings(io.env)) io.stderr.write(`${colour.yellow('warning:')} ${warning}\n`)
}

/**
 * Makes the folder of the store, which only its owner can read.
 *
 * @throws SaddleError `STORE_FAILED` or `STORE_FULL`
 */
export async function makeHome(home: string): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const { code = 'unknown reason' } = cause as NodeJS.ErrnoException
    const full = code === 'ENOSPC' || code === 'EDQUOT'
    throw new SaddleError(
      full ? 'STORE_FULL' : 'STORE_FAILED',
      `The folder ${home} cannot be made (${code}). ${full ? 'Make room' : 'Give this user the right to write there'}, or name another folder with SADDLE_HOME.`,
      { cause, context: { option: 'SADDLE_HOME' } },
    )
  }
}
