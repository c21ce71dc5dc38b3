import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { sampleRecord } from './sample.ts'
import { SqliteStore } from './sqlite.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'saddle-wal-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

/** The class of open files, which node does not export. */
async function fileHandles(): Promise<{ datasync: () => Promise<void> }> {
  const file = await open(folder)
  await file.close()
  return Object.getPrototypeOf(file) as { datasync: () => Promise<void> }
}

it('tells of a write only when the log is on the disk, and waits once for those who ask meanwhile', async () => {
  const store = await SqliteStore.open({ path: join(folder, 'store.db') })
  const held: (() => void)[] = []
  const datasync = vi.spyOn(await fileHandles(), 'datasync').mockImplementation(() => new Promise((resolve) => held.push(resolve)))
  const told: string[] = []
  const create = (id: string) => store.createMigration(sampleRecord(id)).then(() => told.push(id))
  const first = create('first')
  await vi.waitFor(() => expect(datasync).toHaveBeenCalledTimes(1))
  const others = ['second', 'third', 'fourth'].map(create)
  await vi.waitFor(async () => expect(await store.getMigration('fourth')).toBeDefined())
  expect([told, held.length]).toEqual([[], 1])
  held[0]!()
  await first
  expect(told).toEqual(['first'])
  await vi.waitFor(() => expect(datasync).toHaveBeenCalledTimes(2))
  held[1]!()
  await Promise.all(others)
  expect(datasync).toHaveBeenCalledTimes(2)
  await store.close()
})

it('says when the log cannot be brought to the disk, and goes on when it can', async () => {
  const store = await SqliteStore.open({ path: join(folder, 'store.db') })
  vi.spyOn(await fileHandles(), 'datasync').mockRejectedValueOnce(Object.assign(new Error('i/o error'), { code: 'EIO' }))
  await expect(store.createMigration(sampleRecord('one'))).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await store.createMigration(sampleRecord('two'))
  expect(await store.getMigration('two')).toBeDefined()
  await store.close()
})
