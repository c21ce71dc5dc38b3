// The processes of the bulk scenarios: one that runs a bulk migration, one that plans, one that looks at its memory while
// many repositories wait, and a worker of a cluster.
import { BitbucketClient, GitHubClient, MigrationEngine, migrationHandler } from '@saddle/core'
import { SqliteStore } from '@saddle/core/store/sqlite'

const { kind, servers, redisUrl, path, concurrency, ...job } = JSON.parse(process.env.BENCH_JOB)

function engineOn(store, budgets = {}) {
  return new MigrationEngine({
    bitbucket: new BitbucketClient({ baseUrl: servers.bitbucketUrl, ca: servers.ca, auth: { token: servers.bitbucketToken }, budget: budgets.bitbucket }),
    github: new GitHubClient({ baseUrl: servers.githubUrl, gitUrl: servers.githubWebUrl, ca: servers.ca, auth: { token: servers.githubToken }, budget: budgets.github }),
    store,
  })
}

const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n')
const usage = () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: maxRSS / 1024, writtenMiB: 0 }
}

const kinds = {
  /** Moves all, from the plan to the end. */
  async migrate() {
    const engine = engineOn(await SqliteStore.open({ path }))
    const requests = job.slugs.map((slug) => ({ source: { project: 'BENCH', repository: slug }, target: { owner: 'acme', name: slug + job.suffix } }))
    const { counts } = await engine.migrateAll(requests, { concurrency })
    if (counts.completed < counts.total) throw new Error(`${counts.total - counts.completed} did not arrive`)
    say(usage())
  },
  /** Plans a project of many repositories and files it. */
  async plan() {
    const engine = engineOn(await SqliteStore.open({ path }))
    const started = performance.now()
    const plan = await engine.bulk.plan({ source: { project: job.project }, target: { owner: 'acme' } })
    const planSeconds = (performance.now() - started) / 1000
    await engine.bulk.create(plan)
    say({ repositories: plan.items.length, planSeconds, filedSeconds: (performance.now() - started) / 1000, ...usage() })
  },
  /** Its memory when the first repositories have been moved and the others wait. */
  async queued() {
    const engine = engineOn(await SqliteStore.open({ path }))
    const { project, include, owner } = job
    const { id, counts } = await engine.bulk.create({ source: { project, ...(include ? { include } : {}) }, target: { owner } })
    const stop = new AbortController()
    let left = job.moved
    engine.on('migration-end', () => --left === 0 && stop.abort())
    await engine.bulk.run(id, { concurrency, signal: stop.signal }).catch((error) => {
      if (error.code !== 'ABORTED') throw error
    })
    globalThis.gc()
    say({ queued: counts.total, heapMiB: process.memoryUsage().heapUsed / 2 ** 20, ...usage() })
  },
  async worker() {
    const { RedisBackend } = await import('@saddle/redis-adapter')
    const redis = await RedisBackend.open({ url: redisUrl })
    const budget = (identity) => redis.budget({ identity, concurrency: 40 })
    const engine = engineOn(redis.store, { bitbucket: budget('bitbucket'), github: budget('github') })
    redis.queue.process(migrationHandler({ store: redis.store, engineFor: async () => engine }), { concurrency })
    say('ready')
    return 'stay'
  },
}

if ((await kinds[kind]()) !== 'stay') process.exit(0)
