// What is measured: one process that migrates the repositories it is given, and then says what it took.
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { BitbucketClient, GitHubClient, MigrationEngine } from '@saddle/core'
import pLimit from 'p-limit'

// As the command does.
setFlagsFromString('--semi-space-growth-factor=1')

const { servers, slugs, concurrency, suffix, git = 'auto', packBytes } = JSON.parse(process.env.BENCH_JOB)
const engine = new MigrationEngine({
  bitbucket: new BitbucketClient({ baseUrl: servers.bitbucketUrl, auth: { token: servers.bitbucketToken } }),
  github: new GitHubClient({ baseUrl: servers.githubUrl, auth: { token: servers.githubToken } }),
  packBytes,
  ...(process.env.BENCH_STORE
    ? { store: await (await import('@saddle/core/store/sqlite')).SqliteStore.open({ path: process.env.BENCH_STORE }) }
    : {}),
})
const limit = pLimit(concurrency)
await Promise.all(
  slugs.map((slug) => limit(() => engine.migrate({ source: { project: 'BENCH', repository: slug }, target: { owner: 'acme', name: slug + suffix }, options: { git } }))),
)
await engine.close()

const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
// Bytes that reached the disk's cache on this process's behalf; its own output is a pipe and does not count here.
const written = /^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]
console.log(JSON.stringify({ cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: maxRSS / 1024, writtenMiB: Number(written) / 2 ** 20 }))
process.exit(0)
