import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SqliteStore } from '../src/index.ts'
import { setStage, type Seeded, type Stage } from './stage.ts'

/** Short, so that a run does not wait long for the lease of the one that was killed. */
const leaseMs = 150

let stage: Stage
let folder: string
beforeAll(async () => {
  stage = await setStage({ github: { checkLfs: true } })
  folder = await mkdtemp(join(tmpdir(), 'saddle-lfs-process-'))
})
afterAll(async () => {
  await stage.close()
  await rm(folder, { recursive: true })
})

/** Migrates in a process of its own. */
const start = ({ slug, request }: Seeded) =>
  stage.start('crash-child.mjs', { path: join(folder, `${slug}.db`), request, leaseMs })

describe('a migration with Git LFS objects in a process', () => {
  it.each([
    ['the first object goes up', 'PUT', 0],
    ['half of them have gone up', 'PUT', 12],
    ['one is being confirmed', 'POST', 5],
    ['the last one goes up', 'PUT', 23],
  ])('that is killed while %s is finished by running it again', { timeout: 60_000 }, async (_, method, skip) => {
    const { github } = stage.sandbox
    const source = await stage.seed({ seed: { commits: 2, branches: 2, lfs: { count: 24, size: [1, 300_000] } } })
    const killed = start(source)
    const fault = github.fault({ path: '/lfs-storage/', method, skip, action: { before: () => void killed.kill('SIGKILL') } })
    expect(await once(killed, 'exit')).toEqual([null, 'SIGKILL'])
    fault.remove()
    expect(source.targetRefs()).toBe('')

    const store = await SqliteStore.open({ path: join(folder, `${source.slug}.db`) })
    const report = await stage.engine({ store, leaseMs }).engine.migrate(source.request)
    await store.close()
    expect(report).toMatchObject({ status: 'completed', losses: [], lfs: { missing: 0 } })
    expect(report.lfs!.transferred + report.lfs!.present).toBe(24)
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('takes no more memory for large objects than for small ones', { timeout: 120_000 }, async () => {
    const peaks = []
    for (const size of [1000, 60_000_000]) {
      const source = await stage.seed({ seed: { commits: 2, lfs: { count: 4, size } } })
      const migrating = start(source)
      const [said] = await Promise.all([text(migrating.stdout), once(migrating, 'exit')])
      expect(source.targetRefs()).toBe(source.refs())
      peaks.push((JSON.parse(said) as { maxRSS: number }).maxRSS / 1024)
    }
    // 240 MB went through; what they take of memory are buffers of connections.
    expect(peaks[1]! - peaks[0]!).toBeLessThan(60)
  })
})
