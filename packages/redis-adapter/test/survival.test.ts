import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { enqueueBulk, type MigrationRecord, type ProgressEvent } from '@saddle/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refsOf, startCluster, type Cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { hasRedis } from './redis-server.ts'

// The full size (300 repositories, 20 kills) is for a machine with time; see the variables.
const repositories = Number(process.env['SADDLE_SURVIVAL_REPOSITORIES'] ?? 24)
const kills = Number(process.env['SADDLE_SURVIVAL_KILLS'] ?? 4)
const longest = 3_600_000

/** The same moments each time the test runs. */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed / 2_147_483_648
  }
}

describe.skipIf(!hasRedis)('workers', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  async function seed(project: string, count: number): Promise<{ slug: string; path: string }[]> {
    const sources = []
    for (let index = 0; index < count; index++) {
      const slug = `${project.toLowerCase()}-${index}`
      const blobs = { commits: 3 + (index % 5), branches: 2, tags: 1, blobSize: index % 7 === 0 ? 200_000 : 1000 }
      const { path } = await cluster.sandbox.bitbucket.createRepository({ project, slug, seed: blobs })
      sources.push({ slug, path })
    }
    return sources
  }

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

  async function records(bulkId: string): Promise<MigrationRecord[]> {
    const found: MigrationRecord[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await cluster.engine.history({ bulkId, limit: 100, ...(cursor === undefined ? {} : { cursor }) })
      found.push(...page.items)
      cursor = page.cursor
      if (cursor === undefined) return found
    }
  }

  it('bring all over, each once, while one after the other is killed and the servers fail one request in ten', { timeout: longest }, async () => {
    const { sandbox, engine, backend } = cluster
    const sources = await seed('MANY', repositories)
    const bulk = await engine.bulk.create({ source: { project: 'MANY' }, target: { owner: 'acme' } })
    const faults = failOneInTen(cluster)
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
      await sleep(300 + random() * Math.max(700, (repositories * 50) / kills))
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
    const hits = faults.reduce((sum, fault) => sum + fault.hits, 0)
    for (const fault of faults) fault.remove()
    const requests = sandbox.bitbucket.requests.length + sandbox.github.requests.length
    console.log(
      `${repositories} repositories, 3 workers, ${killed} kills, ${hits} faults in ${requests} requests (${((hits / requests) * 100).toFixed(1)} %): ` +
        `${report.counts.completed} arrived in ${seconds.toFixed(1)} s, ${report.items.filter(({ attempts }) => attempts > 1).length} of them in more than one attempt, ${retries} retries by hand`,
    )
    expect(adds).toBe(true)
    expect(report).toMatchObject({ status: 'completed', counts: { total: repositories, completed: repositories } })
    for (const { slug, path } of sources) expect(refsOf(sandbox.github.repositoryPath('acme', slug))).toBe(refsOf(path))
    const migrations = await records(bulk.id)
    expect(migrations).toHaveLength(repositories)
    const created = sandbox.github.requests.filter(({ method, path, status }) => method === 'POST' && path.endsWith('/orgs/acme/repos') && status === 201)
    expect(created).toHaveLength(repositories)
    for (const { id, targetRepository, refs } of migrations) expect([id, targetRepository?.created, refs?.verified]).toEqual([id, true, 3])
    await cluster.killAll()
  })

  it('that are frozen lose their work to others, and their late writes are refused', { timeout: 120_000 }, async () => {
    const { sandbox, engine, backend } = cluster
    const [source] = await seed('ICE', 1)
    const bulk = await engine.bulk.create({ source: { project: 'ICE' }, target: { owner: 'acme' } })
    const held = sandbox.github.fault({ method: 'POST', path: /ice-0\.git\/git-receive-pack$/, action: { delayMs: 4000 } })
    const frozen = await cluster.startWorker()
    await enqueueBulk(backend.queue, backend.store, bulk.id)
    await held.fired
    frozen.kill('SIGSTOP')
    const other = await cluster.startWorker()
    expect(await ended(bulk.id, 60_000)).toMatchObject({ status: 'completed' })
    const [record] = await records(bulk.id)
    const events = await eventsOf(record!.id)
    // It wakes up in the middle of its run, wants to go on, and notices that it has lost its work.
    const gaveUp = once(frozen.stdout!, 'data')
    frozen.kill('SIGCONT')
    expect(String((await gaveUp)[0])).toContain('againInMs')
    expect(await records(bulk.id)).toEqual([record])
    expect(await eventsOf(record!.id)).toEqual(events)
    expect(events.filter(({ type }) => type === 'migration-end')).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'migration-start')).toHaveLength(2)
    expect(refsOf(sandbox.github.repositoryPath('acme', source!.slug))).toBe(refsOf(source!.path))
    expect([frozen.exitCode, other.exitCode]).toEqual([null, null])
    await cluster.killAll()
  })

  it('wait for a Redis that is away, and lose nothing', { timeout: 180_000 }, async () => {
    const { sandbox, engine, backend, redis } = cluster
    const sources = await seed('AWAY', 8)
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
    for (const { slug, path } of sources) expect(refsOf(sandbox.github.repositoryPath('acme', slug))).toBe(refsOf(path))
    expect(await records(bulk.id)).toHaveLength(8)
    await cluster.killAll()
  })
})

/** Resets, 5xx, 429 and truncated packs, for every tenth request or so. */
function failOneInTen({ sandbox: { bitbucket, github } }: Cluster) {
  return [bitbucket, github].flatMap((server, index) => [
    server.fault({ path: /git-upload-pack$/, method: 'POST', probability: 0.08, seed: 11 + index, action: { truncateAfter: 300 } }),
    server.fault({ path: /git-receive-pack$/, method: 'POST', probability: 0.06, seed: 21 + index, action: { resetRequestAfter: 400 } }),
    server.fault({ path: /./, probability: 0.03, seed: 31 + index, action: { reset: true } }),
    server.fault({ path: /./, probability: 0.03, seed: 41 + index, action: { status: 503 } }),
    server.fault({ path: /./, probability: 0.02, seed: 51 + index, action: { status: 429, headers: { 'retry-after': '0' } } }),
    server.fault({ path: /./, method: 'GET', probability: 0.02, seed: 61 + index, action: { resetAfter: 50 } }),
  ])
}
