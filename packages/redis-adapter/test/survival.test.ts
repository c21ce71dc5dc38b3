import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { enqueueBulk, type ProgressEvent } from '@saddle/core'
import { eventually } from '@saddle/core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasRedis } from '../../../scripts/redis-server.ts'
import { failOneInTen, figures, outcomeProblems, randomFrom, recordsOf, refsOf, seedMany, survivalSize } from '../../../scripts/survival.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { startLink } from './link.ts'

const { repositories, kills } = survivalSize
const longest = 3_600_000

describe.skipIf(!hasRedis)('workers', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  const ended = (bulkId: string, timeoutMs = longest) =>
    eventually(async () => {
      const bulk = await cluster.backend.store.bulks.get(bulkId)
      return bulk?.endedAt === undefined ? undefined : bulk
    }, timeoutMs)

  async function eventsOf(id: string): Promise<ProgressEvent[]> {
    const events: ProgressEvent[] = []
    for await (const event of cluster.engine.events(id)) events.push(event)
    return events
  }

  it('bring all over, each once, while one after the other is killed and the servers fail one request in ten', { timeout: longest }, async () => {
    const { sandbox, engine, backend } = cluster
    const sources = await seedMany(sandbox, 'MANY', repositories)
    const bulk = await engine.bulk.create({ source: { project: 'MANY' }, target: { owner: 'acme' } })
    const faults = failOneInTen(sandbox)
    const random = randomFrom(7)
    const started = performance.now()
    await enqueueBulk(backend.queue, backend.store, bulk.id)
    const workers = await Promise.all([1, 2, 3].map(() => cluster.startWorker()))
    let killed = 0
    let adds = true
    const watching = (async () => {
      for await (const event of engine.bulk.events(bulk.id, { follow: true })) {
        if (event.type !== 'bulk-status') continue
        const { total, pending, in_progress, completed, failed, cancelled } = event.bulk.counts
        adds &&= pending + in_progress + completed + failed + cancelled === total
      }
    })()
    while (killed < kills && (await backend.store.bulks.get(bulk.id))?.endedAt === undefined) {
      await sleep(300 + random() * Math.max(700, (repositories * 80) / kills))
      const place = Math.floor(random() * 3)
      workers[place]!.kill('SIGKILL')
      killed++
      workers[place] = await cluster.startWorker()
    }
    let retries = 0
    for (let bulkNow = await ended(bulk.id); bulkNow.counts.failed > 0 && retries < 3; bulkNow = await ended(bulk.id), retries++) {
      await engine.bulk.retry(bulk.id)
      await enqueueBulk(backend.queue, backend.store, bulk.id)
    }
    await watching
    const seconds = (performance.now() - started) / 1000
    const report = await engine.bulk.report(bulk.id)
    console.log(figures(sandbox, { how: `3 workers, ${killed} kills`, hits: faults.hits(), seconds, retries, report }))
    faults.remove()
    expect(adds).toBe(true)
    expect(report.items.flatMap(({ error }) => error ?? [])).toEqual([])
    expect(report).toMatchObject({ status: 'completed', counts: { total: repositories, completed: repositories } })
    expect(outcomeProblems(sandbox, sources, await recordsOf(engine, bulk.id))).toEqual([])
    await cluster.killAll()
    sandbox.bitbucket.clearRequests()
    sandbox.github.clearRequests()
  })

  it.each([
    ['ICE', 'are frozen', async () => {
      const worker = await cluster.startWorker()
      return { worker, lose: () => worker.kill('SIGSTOP'), comeBack: () => worker.kill('SIGCONT') }
    }],
    ['FAR', 'are cut off from Redis', async () => {
      const link = await startLink(cluster.redis.port)
      const worker = await cluster.startWorker({ redisPort: link.port })
      worker.once('exit', () => void link[Symbol.asyncDispose]())
      return { worker, lose: () => link.cut(), comeBack: () => link.mend() }
    }],
  ] as [string, string, () => Promise<{ worker: ChildProcess; lose: () => void; comeBack: () => void }>][])('%s: that %s lose their work to others, and their late writes are refused', { timeout: 120_000 }, async (project, _how, start) => {
    const { sandbox, engine, backend } = cluster
    const sources = await seedMany(sandbox, project, 1)
    const bulk = await engine.bulk.create({ source: { project }, target: { owner: 'acme' } })
    const held = sandbox.github.fault({ method: 'POST', path: new RegExp(`/${project.toLowerCase()}-0\\.git/git-receive-pack$`), action: { delayMs: 4000 } })
    const { worker, lose, comeBack } = await start()
    await enqueueBulk(backend.queue, backend.store, bulk.id)
    await held.fired
    lose()
    const other = await cluster.startWorker()
    expect(await ended(bulk.id, 60_000)).toMatchObject({ status: 'completed' })
    const [record] = await recordsOf(engine, bulk.id)
    const events = await eventsOf(record!.id)
    // It is back in the middle of its run, wants to go on, and notices that it has lost its work.
    const gaveUp = once(worker.stdout!, 'data')
    comeBack()
    expect(String((await gaveUp)[0])).toContain('againInMs')
    expect(await recordsOf(engine, bulk.id)).toEqual([record])
    expect(await eventsOf(record!.id)).toEqual(events)
    expect(events.filter(({ type }) => type === 'migration-end')).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'migration-start')).toHaveLength(2)
    expect(record!.status).toBe('completed')
    expect(sources.map(({ path }) => refsOf(path))).toEqual([refsOf(sandbox.github.repositoryPath('acme', sources[0]!.slug))])
    expect([worker.exitCode, other.exitCode]).toEqual([null, null])
    await cluster.killAll()
  })

  it('wait for a Redis that is away, and lose nothing', { timeout: 180_000 }, async () => {
    const { sandbox, engine, backend, redis } = cluster
    sandbox.bitbucket.clearRequests()
    sandbox.github.clearRequests()
    const sources = await seedMany(sandbox, 'AWAY', 8)
    const bulk = await engine.bulk.create({ source: { project: 'AWAY' }, target: { owner: 'acme' } })
    await enqueueBulk(backend.queue, backend.store, bulk.id)
    const begun = sandbox.github.fault({ method: 'POST', path: /away-\d\.git\/git-receive-pack$/, times: 3, action: { delayMs: 500 } })
    await Promise.all([cluster.startWorker(), cluster.startWorker()])
    await begun.fired
    await redis.kill()
    // Longer than leases and locks last.
    await sleep(Number(process.env['SADDLE_SURVIVAL_AWAY_MS'] ?? 4000))
    await redis.start()
    expect(await ended(bulk.id, 120_000)).toMatchObject({ status: 'completed', counts: { total: 8, completed: 8 } })
    expect(outcomeProblems(sandbox, sources, await recordsOf(engine, bulk.id))).toEqual([])
    await cluster.killAll()
  })
})
