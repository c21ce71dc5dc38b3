import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failOneInTen, figures, outcomeProblems, randomFrom, recordsOf, seedMany, survivalSize, type Seeded } from '../../../scripts/survival.ts'
import { SqliteStore } from '../src/index.ts'
import { setStage, type Stage } from './stage.ts'

const { repositories, kills } = survivalSize
const leaseMs = 1000

describe('a bulk migration between servers that fail one request in ten, in a process that is killed again and again', () => {
  let stage: Stage
  let folder: string
  let sources: Seeded[]
  beforeAll(async () => {
    stage = await setStage()
    folder = await mkdtemp(join(tmpdir(), 'saddle-survival-'))
    sources = await seedMany(stage.sandbox, 'MANY', repositories)
  }, 600_000)
  afterAll(async () => {
    await stage.close()
    await rm(folder, { recursive: true })
  })

  it('brings all of them over, each once', { timeout: 3_600_000 }, async () => {
    const path = join(folder, 'store.db')
    const store = await SqliteStore.open({ path })
    const { engine } = stage.engine({ store, leaseMs })
    const bulk = await engine.bulk.create({ source: { project: 'MANY' }, target: { owner: 'acme' } })
    const start = () => stage.start('bulk-child.mjs', { path, bulkId: bulk.id, leaseMs, concurrency: 8 })
    const faults = failOneInTen(stage.sandbox)
    const random = randomFrom(7)
    const started = performance.now()
    let killed = 0
    let completedBefore = 0
    for (let ended = false; !ended; ) {
      const process = start()
      const exit = once(process, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
      if (killed < kills) {
        await Promise.race([exit, once(process.stdout, 'data')])
        await Promise.race([exit, sleep(random() * Math.max(800, (repositories * 80) / kills))])
        if (process.exitCode === null) killed++
        process.kill('SIGKILL')
      }
      const [code, signal] = await exit
      // Whatever else ends it is a defect, and would do so again and again.
      expect([code, signal]).toEqual(signal ? [null, 'SIGKILL'] : [0, null])
      // Not one that arrived is ever open again.
      const { counts } = (await store.bulks.get(bulk.id))!
      expect(counts.completed).toBeGreaterThanOrEqual(completedBefore)
      completedBefore = counts.completed
      expect(counts.pending + counts.in_progress + counts.completed + counts.failed + counts.cancelled).toBe(counts.total)
      ended = code === 0
    }
    let retries = 0
    for (; (await store.bulks.get(bulk.id))!.counts.failed > 0 && retries < 3; retries++) {
      await engine.bulk.retry(bulk.id)
      await once(start(), 'exit')
    }
    const seconds = (performance.now() - started) / 1000
    const report = await engine.bulk.report(bulk.id)
    console.log(figures(stage.sandbox, { how: `${killed} kills`, hits: faults.hits(), seconds, retries, report }))
    faults.remove()
    expect(report.items.flatMap(({ error }) => error ?? [])).toEqual([])
    expect(report).toMatchObject({ status: 'completed', counts: { total: repositories, completed: repositories } })
    expect(outcomeProblems(stage.sandbox, sources, await recordsOf(engine, bulk.id))).toEqual([])
    await store.close()
  })
})
