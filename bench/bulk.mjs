// Scenarios of many repositories: a bulk migration beside what a shell would do, three workers beside one, planning and memory.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { generate } from 'selfsigned'
import { median, run } from './measure.mjs'

const program = fileURLToPath(new URL('bulk-process.mjs', import.meta.url))
const names = (prefix, count) => Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(4, '0')}`)

/** The scenarios; what they are given is of the whole bench. */
export async function bulkScenarios({ only, runs, servers, source, target, both, startPair, shell, compare, results }) {
  const rounds = Math.min(runs, 3)
  let unique = 0
  const alone = async (job, args = []) => {
    const folder = mkdtempSync(join(tmpdir(), 'saddle-bench-bulk-'))
    try {
      const env = { BENCH_JOB: JSON.stringify({ servers, path: join(folder, 'store.db'), ...job }) }
      const { wallSeconds, output } = await run(process.execPath, [...args, program], { env })
      return { wallSeconds, ...JSON.parse(output) }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  if (only.includes('bulk')) {
    const slugs = names('bulk', 100)
    // Servers are reached by https, where git and curl shake hands anew for each command; without it, only requests count.
    for (const tls of [undefined, await certificate()]) {
      const pair = await startPair(tls)
      await pair.source('seed', { slugs, seed: { commits: 20, blobSize: 2000, branches: 3, tags: 3 } })
      await pair.both('delay', { delayMs: 25 })
      const migrate = () => alone({ kind: 'migrate', servers: pair.addresses, slugs, suffix: `-bulk${++unique}`, concurrency: 8 })
      const byShell = (concurrency) => () => shell(slugs, concurrency, { servers: pair.addresses })
      await compare(`Bulk migration of ${slugs.length} repositories by ${tls ? 'https' : 'http'}, 25 ms of delay a request`, { saddle: migrate, loop: byShell(1), 'xargs -P8': byShell(8) }, rounds)
      await pair.both('stop')
    }
  }

  if (only.includes('workers')) {
    const slugs = names('workers', 40)
    await source('seed', { slugs, seed: { commits: 3 } })
    await both('delay', { delayMs: 50 })
    const samples = { one: [], three: [] }
    for (let round = 0; round < rounds; round++) {
      samples.one.push(await cluster({ servers, slugs, workers: 1, suffix: `-workers${++unique}` }))
      samples.three.push(await cluster({ servers, slugs, workers: 3, suffix: `-workers${++unique}` }))
      process.stderr.write('..')
    }
    await both('delay', { delayMs: 0 })
    const [one, three] = [median(samples.one), median(samples.three)]
    console.log(`\n40 repositories on Redis, 50 ms of delay a request: one worker ${one.toFixed(1)} s, three workers ${three.toFixed(1)} s: ${(one / three).toFixed(2)} times the throughput`)
    results.scenarios.push({ title: 'three workers beside one', seconds: { one, three }, throughput: one / three, samples })
  }

  if (only.includes('plan')) {
    await source('seed', { project: 'PLAN', slugs: names('plan', 100), seed: { commits: 3 } })
    await source('seed', { project: 'PLAN', slugs: names('planned', 2900) })
    await both('delay', { delayMs: 5 })
    const plans = []
    const memory = { few: [], many: [] }
    for (let round = 0; round < rounds; round++) {
      plans.push(await alone({ kind: 'plan', project: 'PLAN' }))
      for (const [name, more] of [['few', { include: ['plan-*'] }], ['many', {}]]) {
        // A target of its own, so that each does the same work.
        const owner = `acme-${name}-${round}`
        await target('organization', { login: owner })
        memory[name].push(await alone({ kind: 'queued', project: 'PLAN', owner, concurrency: 4, moved: 40, ...more }, ['--expose-gc']))
      }
      process.stderr.write('.')
    }
    await both('delay', { delayMs: 0 })
    const planSeconds = median(plans.map((one) => one.planSeconds))
    const of = (samples, field) => median(samples.map((one) => one[field]))
    const [peak, heap] = ['peakMiB', 'heapMiB'].map((field) => of(memory.many, field) - of(memory.few, field))
    console.log(`\nPlanning ${plans[0].repositories} repositories, 5 ms of delay a request: ${planSeconds.toFixed(2)} s`)
    console.log(`Memory with ${memory.many[0].queued} queued against ${memory.few[0].queued}: peak ${of(memory.many, 'peakMiB').toFixed(0)} MiB against ${of(memory.few, 'peakMiB').toFixed(0)} MiB (${peak.toFixed(0)} MiB more), heap ${heap.toFixed(1)} MiB more`)
    results.scenarios.push({ title: 'planning and memory', planSeconds, peakMoreMiB: peak, heapMoreMiB: heap, samples: { plans, memory } })
  }
}

/** Seconds that so many workers take for the same work, from the moment at which they get it. */
async function cluster({ servers, slugs, workers, suffix }) {
  const { RedisBackend } = await import('@saddle/redis-adapter')
  const { BitbucketClient, GitHubClient, MigrationEngine, enqueueBulk } = await import('@saddle/core')
  const redis = await startRedis()
  const children = await Promise.all(Array.from({ length: workers }, () => startWorker({ servers, redisUrl: redis.url })))
  const backend = await RedisBackend.open({ url: redis.url })
  const bitbucket = new BitbucketClient({ baseUrl: servers.bitbucketUrl, auth: { token: servers.bitbucketToken } })
  const github = new GitHubClient({ baseUrl: servers.githubUrl, auth: { token: servers.githubToken } })
  const engine = new MigrationEngine({ bitbucket, github, store: backend.store })
  try {
    const bulk = await engine.bulk.create({ requests: slugs.map((slug) => ({ source: { project: 'BENCH', repository: slug }, target: { owner: 'acme', name: slug + suffix } })) })
    const started = performance.now()
    await enqueueBulk(backend.queue, backend.store, bulk.id)
    let counts
    for await (const { bulk: seen } of engine.bulk.events(bulk.id, { follow: true, pollMs: 20 })) counts = seen?.counts ?? counts
    const seconds = (performance.now() - started) / 1000
    if (counts.completed < counts.total) throw new Error(`${counts.total - counts.completed} did not arrive`)
    return seconds
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await engine.close()
    await Promise.all([bitbucket.close(), github.close(), backend.close()])
    await redis.close()
  }
}

async function startWorker(job) {
  // Two at once: what limits is the delay, not this machine.
  const env = { ...process.env, BENCH_JOB: JSON.stringify({ kind: 'worker', concurrency: 2, ...job }) }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  return child
}

async function startRedis() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  const folder = mkdtempSync(join(tmpdir(), 'saddle-bench-redis-'))
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.on('error', (error) => { throw new Error(`redis-server is needed for the workers' scenario: ${error.message}`) })
  for await (const text of child.stdout) if (String(text).includes('Ready to accept')) break
  return {
    url: `redis://127.0.0.1:${port}`,
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      await sleep(0)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Of a private authority's making, for servers of this machine. */
async function certificate() {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'Saddle bench' }], {
    algorithm: 'sha256',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  })
  return { key, cert }
}
