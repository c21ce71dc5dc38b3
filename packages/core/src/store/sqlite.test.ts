import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import Database from 'libsql'
import { migrationStoreSuite } from './contract.ts'
import { sampleEvent, sampleRecord } from './sample.ts'
import { SqliteStore } from './sqlite.ts'

migrationStoreSuite({ describe, it, beforeEach, afterEach }, 'SqliteStore', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'saddle-store-'))
  const path = join(folder, 'store.db')
  return {
    store: await SqliteStore.open({ path }),
    another: () => SqliteStore.open({ path }),
    dispose: () => rm(folder, { recursive: true }),
  }
})

describe('SqliteStore', () => {
  let folder: string
  let path: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'saddle-store-'))
    path = join(folder, 'store.db')
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('says when there is no room, and goes on when there is', async () => {
    const small = await SqliteStore.open({ path, maxBytes: 100_000 })
    await small.createMigration(sampleRecord('a', { status: 'in_progress' }))
    let stored = 0
    const fill = async () => {
      for (;; stored++) await small.appendEvents('a', [sampleEvent('a', stored + 1)])
    }
    await expect(fill()).rejects.toMatchObject({ code: 'STORE_FULL', message: expect.stringMatching(/Make room .* resume/) })
    await small.close()
    const roomy = await SqliteStore.open({ path })
    await roomy.appendEvents('a', [sampleEvent('a', stored + 1)])
    expect((await roomy.getMigration('a'))?.status).toBe('in_progress')
    await roomy.close()
  })

  it('undoes of what is written at once only what failed, and fails all of it when there is no room', async () => {
    const store = await SqliteStore.open({ path, maxBytes: 150_000 })
    await store.createMigration(sampleRecord('a'))
    const outcomes = await Promise.allSettled([
      store.appendEvents('a', [sampleEvent('a', 1)]),
      store.createMigration(sampleRecord('a')),
      store.appendEvents('a', [sampleEvent('a', 2), sampleEvent('a', 7)]),
      store.appendEvents('a', [sampleEvent('a', 2)]),
      store.createMigration(sampleRecord('b')),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled'])
    const numbers: number[] = []
    for await (const { seq } of store.events('a')) numbers.push(seq)
    expect(numbers).toEqual([1, 2])

    const large = sampleRecord('large', { idempotencyKey: 'x'.repeat(200_000) })
    const full = await Promise.allSettled([store.createMigration(large), store.createMigration(sampleRecord('c'))])
    const kept = await Promise.all(['large', 'c'].map(async (id) => (await store.getMigration(id)) !== undefined))
    // What was said to be written is there, and nothing else.
    expect(full.map(({ status }) => status === 'fulfilled')).toEqual(kept)
    expect(full[0]).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FULL' } })
    const last = store.createMigration(sampleRecord('d'))
    await store.close()
    await last
    const again = await SqliteStore.open({ path })
    expect(await again.getMigration('d')).toBeDefined()
    await again.close()
  })

  it('says when the folder does not exist', async () => {
    await expect(SqliteStore.open({ path: join(folder, 'no', 'store.db') })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('folder'),
    })
  })

  it('leaves a file that is no store alone', async () => {
    const text = 'These are the notes of somebody, not a database.\n'.repeat(100)
    await writeFile(path, text)
    await expect(SqliteStore.open({ path })).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  it('refuses the file of a newer version', async () => {
    await (await SqliteStore.open({ path })).close()
    const database = new Database(path)
    database.exec('UPDATE schema_version SET version = 99')
    database.close()
    await expect(SqliteStore.open({ path })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('newer version'),
    })
  })

  it('says when another process holds the lock for too long', async () => {
    const store = await SqliteStore.open({ path, busyTimeoutMs: 10 })
    const database = new Database(path)
    database.exec('BEGIN IMMEDIATE')
    await expect(store.createMigration(sampleRecord('a'))).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true })
    database.exec('ROLLBACK')
    database.close()
    await store.createMigration(sampleRecord('a'))
    await store.close()
  })
})
