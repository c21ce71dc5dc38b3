import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MemoryStore } from '@saddle/core'
import { migrationStoreSuite } from '@saddle/core/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { setStage } from '../packages/core/test/stage.ts'
// @ts-expect-error it is plain JavaScript
import { ArchivingStore as Untyped } from './archiving-store.mjs'

const ArchivingStore = Untyped as new (path: string) => MemoryStore
const folder = mkdtempSync(join(tmpdir(), 'saddle-archive-'))
const path = join(folder, 'archive.jsonl')

migrationStoreSuite({ describe, it, beforeEach, afterEach }, 'ArchivingStore', async () => ({
  store: new ArchivingStore(path),
  dispose: async () => {},
}))

it('a migration goes into the archive when it ends', async () => {
  await using stage = await setStage()
  const archive = join(folder, 'one.jsonl')
  const { engine } = stage.engine({ store: new ArchivingStore(archive) })
  const { request } = await stage.seed()
  const report = await engine.migrate(request)
  expect(readFileSync(archive, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([report])
  rmSync(folder, { recursive: true })
})
