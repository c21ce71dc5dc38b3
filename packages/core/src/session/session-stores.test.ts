import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sessionStoreSuite } from './contract.ts'
import { MemorySessionStore } from './memory.ts'
import { SqliteSessionStore } from './sqlite.ts'

sessionStoreSuite({ describe, it, beforeEach, afterEach }, 'MemorySessionStore', async () => ({
  store: new MemorySessionStore(),
  dispose: async () => {},
}))

sessionStoreSuite({ describe, it, beforeEach, afterEach }, 'SqliteSessionStore', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'saddle-sessions-'))
  const path = join(folder, 'sessions.db')
  return {
    store: await SqliteSessionStore.open({ path }),
    another: () => SqliteSessionStore.open({ path }),
    dispose: () => rm(folder, { recursive: true }),
  }
})

describe('SqliteSessionStore', () => {
  it('keeps its file to its owner, and outlives a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'saddle-sessions-'))
    const path = join(folder, 'sessions.db')
    const first = await SqliteSessionStore.open({ path })
    await first.set('k', 'v', Date.now() + 60_000)
    for (const file of ['sessions.db', 'sessions.db-wal']) expect((await stat(join(folder, file))).mode & 0o077).toBe(0)
    await first.close()
    const second = await SqliteSessionStore.open({ path })
    expect(await second.get('k')).toBe('v')
    await second.close()
    await rm(folder, { recursive: true })
  })

  it('says when its folder does not exist', async () => {
    await expect(SqliteSessionStore.open({ path: join(tmpdir(), 'no', 'such', 'folder.db') })).rejects.toMatchObject({ code: 'STORE_FAILED' })
  })
})
