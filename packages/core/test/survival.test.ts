import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SqliteStore } from '../src/index.ts'
import { setStage, type Seeded, type Stage } from './stage.ts'

// The full size (300 repositories, 20 kills) is for a machine with time; see the variables.
const repositories = Number(process.env['SADDLE_SURVIVAL_REPOSITORIES'] ?? 24)
const kills = Number(process.env['SADDLE_SURVIVAL_KILLS'] ?? 4)
const child = fileURLToPath(new URL('bulk-child.mjs', import.meta.url))
const leaseMs = 1000

/** The same moments each time the test runs. */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed / 2_147_483_648
  }
}

describe('a bulk migration between servers that fail one request in ten, in a process that is killed again and again', () => {
  let stage: Stage
  let folder: string
  let sources: Seeded[]
  beforeAll(async () => {
    stage = await setStage()
    folder = await mkdtemp(join(tmpdir(), 'saddle-survival-'))
    sources = []
    for (let index = 0; index < repositories; index++) {
      sources.push(await stage.seed({ project: 'MANY', slug: `many-${index}`, seed: { commits: 3 + (index % 5), branches: 2, tags: 1, blobSize: index % 7 === 0 ? 200_000 : 1000 } }))
    }
  }, 600_000)
  afterAll(async () => {
    await stage.close()
    await rm(folder, { recursive: true })
  })

  it('brings all of them over, each once', { timeout: 3_600_000 }, async () => {
    const { bitbucket, github } = stage.sandbox
    const path = join(folder, 'store.db')
    const store = await SqliteStore.open({ path })
    const { engine } = stage.engine({ store, leaseMs })
    const bulk = await engine.bulk.create({ source: { project: 'MANY' }, target: { owner: 'acme' } })
    const faults = failOneInTen(stage)
    const random = randomFrom(7)
    const started = performance.now()
    let killed = 0
    let completedBefore = 0
    for (let ended = false; !ended; ) {
      const process = start({ path, bulkId: bulk.id }, stage)
      const exit = once(process, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
      if (killed < kills) {
        const moment = 700 + random() * Math.max(800, (repositories * 60) / kills)
        await Promise.race([exit, sleep(moment)])
        if (process.exitCode === null) killed++
        process.kill('SIGKILL')
      }
      const [code] = await exit
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
      await once(start({ path, bulkId: bulk.id }, stage), 'exit')
    }
    const seconds = (performance.now() - started) / 1000
    const report = await engine.bulk.report(bulk.id)
    const hits = faults.reduce((sum, fault) => sum + fault.hits, 0)
    for (const fault of faults) fault.remove()
    const requests = bitbucket.requests.length + github.requests.length
    console.log(
      `${repositories} repositories, ${killed} kills, ${hits} faults in ${requests} requests (${((hits / requests) * 100).toFixed(1)} %): ` +
        `${report.counts.completed} arrived in ${seconds.toFixed(1)} s, ${report.items.filter(({ attempts }) => attempts > 1).length} of them in more than one attempt, ${retries} retries by hand`,
    )
    expect(report).toMatchObject({ status: 'completed', counts: { total: repositories, completed: repositories } })
    for (const source of sources) expect(source.targetRefs()).toBe(source.refs())
    const migrations = []
    for (let cursor: string | undefined; ; ) {
      const page = await engine.history({ bulkId: bulk.id, limit: 100, ...(cursor === undefined ? {} : { cursor }) })
      migrations.push(...page.items)
      cursor = page.cursor
      if (cursor === undefined) break
    }
    // One migration for each, however often it was taken up; one repository for each, created once.
    expect(migrations).toHaveLength(repositories)
    const created = github.requests.filter(({ method, path, status }) => method === 'POST' && path.endsWith('/orgs/acme/repos') && status === 201)
    expect(created).toHaveLength(repositories)
    for (const { id, targetRepository, refs } of migrations) expect([id, targetRepository?.created, refs?.verified]).toEqual([id, true, 3])
    await store.close()
  })
})

/** Resets, 5xx, 429 and truncated packs, for every tenth request or so. */
function failOneInTen({ sandbox: { bitbucket, github } }: Stage) {
  return [bitbucket, github].flatMap((server, index) => [
    server.fault({ path: /git-upload-pack$/, method: 'POST', probability: 0.08, seed: 11 + index, action: { truncateAfter: 300 } }),
    server.fault({ path: /git-receive-pack$/, method: 'POST', probability: 0.06, seed: 21 + index, action: { resetRequestAfter: 400 } }),
    server.fault({ path: /./, probability: 0.03, seed: 31 + index, action: { reset: true } }),
    server.fault({ path: /./, probability: 0.03, seed: 41 + index, action: { status: 503 } }),
    server.fault({ path: /./, probability: 0.02, seed: 51 + index, action: { status: 429, headers: { 'retry-after': '0' } } }),
    server.fault({ path: /./, method: 'GET', probability: 0.02, seed: 61 + index, action: { resetAfter: 50 } }),
  ])
}

function start({ path, bulkId }: { path: string; bulkId: string }, { sandbox: { bitbucket, github } }: Stage) {
  const process = spawn(globalThis.process.execPath, [child], { stdio: ['pipe', 'ignore', 'inherit'] })
  process.stdin.end(
    JSON.stringify({
      path, bulkId, leaseMs, concurrency: 8,
      bitbucket: { baseUrl: bitbucket.url, auth: { token: bitbucket.token } },
      github: { baseUrl: github.url, gitUrl: github.webUrl, auth: { token: github.token } },
    }),
  )
  return process
}
