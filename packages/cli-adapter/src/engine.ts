import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BitbucketClient, GitHubClient, MigrationEngine, SaddleError, type MigrationStore } from '@saddle/core'
import { SqliteStore } from '@saddle/core/store/sqlite'
import { bitbucketSettings, gitHubSettings, homeDirectory, plainTextWarnings } from './environment.ts'
import type { Io } from './io.ts'
import { styleOf } from './render/style.ts'

/** Calls a function with the store below `SADDLE_HOME`, and closes it afterwards. */
export async function withStore<T>({ env }: Io, use: (store: MigrationStore) => Promise<T>): Promise<T> {
  const home = homeDirectory(env)
  await makeHome(home)
  const store = await SqliteStore.open({ path: join(home, 'saddle.db') })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

/** Calls a function with an engine as the environment describes it, and closes it afterwards. */
export async function withEngine<T>(io: Io, use: (engine: MigrationEngine) => Promise<T>): Promise<T> {
  const { env } = io
  const settings = { bitbucket: bitbucketSettings(env), github: gitHubSettings(env) }
  warnOfPlainText(io)
  return withStore(io, async (store) => {
    const bitbucket = new BitbucketClient(settings.bitbucket)
    const github = new GitHubClient(settings.github)
    const engine = new MigrationEngine({ bitbucket, github, store })
    try {
      return await use(engine)
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
