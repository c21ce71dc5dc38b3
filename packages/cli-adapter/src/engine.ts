import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BitbucketClient, GitHubClient, MigrationEngine, type MigrationStore } from '@saddle/core'
import { SqliteStore } from '@saddle/core/store/sqlite'
import { bitbucketSettings, gitHubSettings, homeDirectory, plainTextWarnings } from './environment.ts'
import type { Io } from './io.ts'
import { styleOf } from './render/style.ts'

/** Opens the store below `SADDLE_HOME`, which only its owner can read. */
export async function openStore({ env }: Io): Promise<MigrationStore> {
  const home = homeDirectory(env)
  await mkdir(home, { recursive: true, mode: 0o700 })
  return SqliteStore.open({ path: join(home, 'saddle.db') })
}

/** An engine as the environment describes it, and what it works with. */
export interface OpenEngine {
  engine: MigrationEngine
  close(): Promise<void>
}

/** Opens an engine. Close it when done. */
export async function openEngine(io: Io): Promise<OpenEngine> {
  const { env } = io
  const bitbucket = new BitbucketClient(bitbucketSettings(env))
  const github = new GitHubClient(gitHubSettings(env))
  const { colour } = styleOf(io.stderr, env)
  for (const warning of plainTextWarnings(env)) io.stderr.write(`${colour.yellow('warning:')} ${warning}\n`)
  const store = await openStore(io)
  const engine = new MigrationEngine({ bitbucket, github, store })
  const close = async (): Promise<void> => {
    await engine.close()
    await Promise.all([bitbucket.close(), github.close(), store.close()])
  }
  return { engine, close }
}
