// Measures a migration against what a user would do without Saddle, side by side in one run: the two take turns, and what
// is compared are medians. `npm run bench`; BENCH_RUNS, BENCH_MIB, BENCH_ONLY (large, small, sync, bulk, workers, plan, lfs, steps,
// memory, http), BENCH_LFS_OBJECTS, BENCH_LFS_MIB and BENCH_MEMORY_MB change the size.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { bulkScenarios } from './bulk.mjs'
import { childrenCpu, median, run } from './measure.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const runs = Number(process.env.BENCH_RUNS ?? 5)
const mebibytes = Number(process.env.BENCH_MIB ?? 300)
const only = process.env.BENCH_ONLY?.split(',') ?? ['large', 'small', 'sync', 'bulk', 'workers', 'plan', 'lfs', 'steps', 'memory', 'http']
const work = mkdtempSync(join(tmpdir(), 'saddle-bench-'))
const trusted = mkdtempSync(join(tmpdir(), 'saddle-bench-ca-'))
const results = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, runs, scenarios: [] }

/** Starts a process with a Bitbucket and a GitHub. Returns the function that tells it what to do. */
function startServer(tls) {
  const env = { ...process.env, ...(tls ? { BENCH_TLS: JSON.stringify(tls) } : {}) }
  const servers = spawn(process.execPath, [join(here, 'servers.mjs')], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface({ input: servers.stdout })[Symbol.asyncIterator]()
  return async (command, options = {}) => {
    servers.stdin.write(JSON.stringify({ command, ...options }) + '\n')
    const answer = JSON.parse((await answers.next()).value)
    if (command === 'stop') await once(servers, 'exit')
    return answer
  }
}

/** A source and a target, as on two machines: what goes up to the one does not wait for what comes down from the other. */
async function startPair(tls) {
  const [source, target] = [startServer(tls), startServer(tls)]
  const both = (command, options) => Promise.all([source(command, options), target(command, options)])
  const [{ bitbucketUrl, bitbucketToken }, { githubUrl, githubWebUrl, githubToken }] = await both('start')
  return { source, target, both, addresses: { bitbucketUrl, bitbucketToken, githubUrl, githubWebUrl, githubToken, ca: tls?.cert } }
}
const { source, target, both, addresses } = await startPair()
let unique = 0

/** What git, curl and the scripts need to reach a pair of servers. */
function shellEnv({ bitbucketUrl, bitbucketToken, githubUrl, githubWebUrl, githubToken, ca }, suffix) {
  const caFile = join(trusted, 'ca.pem')
  if (ca) writeFileSync(caFile, ca)
  return {
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: `http.${bitbucketUrl}.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Bearer ${bitbucketToken}`,
    GIT_CONFIG_KEY_1: `http.${githubWebUrl}.extraHeader`,
    GIT_CONFIG_VALUE_1: `Authorization: Basic ${Buffer.from(`x-access-token:${githubToken}`).toString('base64')}`,
    GIT_TERMINAL_PROMPT: '0', BITBUCKET_URL: bitbucketUrl, GITHUB_URL: githubUrl, GITHUB_WEB_URL: githubWebUrl, GITHUB_TOKEN: githubToken,
    SUFFIX: suffix, WORK: work, ...(ca ? { GIT_SSL_CAINFO: caFile, CURL_CA_BUNDLE: caFile } : {}),
  }
}

async function saddle(slugs, concurrency, suffix = `-${++unique}`, store = '') {
  const env = { BENCH_JOB: JSON.stringify({ servers: addresses, slugs, concurrency, suffix }), BENCH_STORE: store }
  const { wallSeconds, output } = await run(process.execPath, [join(here, 'migrate.mjs')], { env })
  return { wallSeconds, ...JSON.parse(output) }
}

async function shell(slugs, concurrency, { servers = addresses, suffix = `-${++unique}`, name = 'clone-push.sh' } = {}) {
  const list = slugs.join(' ')
  const script = here + name
  const command = concurrency === 1 ? `for slug in ${list}; do bash ${script} $slug || exit 1; done` : `printf '%s\\n' ${list} | xargs -P${concurrency} -n1 bash ${script}`
  const { wallSeconds, peakMiB, output } = await run('bash', ['-c', `set -e; ${command}; du -sm ${work} | cut -f1; times`], { env: shellEnv(servers, suffix) })
  const writtenMiB = Number(output.split('\n')[0])
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work)
  return { wallSeconds, peakMiB, cpuSeconds: childrenCpu(output), writtenMiB }
}

/** Runs each way in turn and compares everything with the first. */
async function compare(title, ways, rounds = runs) {
  const samples = Object.fromEntries(Object.keys(ways).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      samples[name].push(await way())
      process.stderr.write('.')
    }
  }
  process.stderr.write('\n')
  const medians = Object.fromEntries(
    Object.entries(samples).map(([name, all]) => [name, Object.fromEntries(Object.keys(all[0]).map((field) => [field, median(all.map((one) => one[field]))]))]),
  )
  const [[ours, base]] = Object.entries(medians)
  console.log(`\n${title}`)
  for (const [name, { wallSeconds, cpuSeconds, peakMiB, writtenMiB }] of Object.entries(medians)) {
    const ratio = name === ours ? '' : `  ${ours} takes ${(base.wallSeconds / wallSeconds).toFixed(2)} of its time, ${((100 * base.cpuSeconds) / cpuSeconds).toFixed(0)} % of its CPU`
    console.log(`  ${name.padEnd(12)} ${wallSeconds.toFixed(2).padStart(7)} s  CPU ${cpuSeconds.toFixed(2).padStart(6)} s  peak ${peakMiB.toFixed(0).padStart(4)} MiB  written ${writtenMiB.toFixed(0).padStart(4)} MiB${ratio}`)
  }
  results.scenarios.push({ title, medians, samples })
}

if (only.includes('large')) {
  // A commit with its trees and the delta of its file is about this much of a pack.
  const commits = Math.ceil((mebibytes * 2 ** 20) / 1330)
  await source('seed', { slugs: ['large'], seed: { commits, blobSize: 20_000, text: true, branches: 20, tags: 50 } })
  for (const delayMs of [0, 25]) {
    await both('delay', { delayMs })
    await compare(`One repository of ${mebibytes} MiB, ${commits} commits, ${delayMs} ms of delay a request`, { saddle: () => saddle(['large'], 1), 'clone+push': () => shell(['large'], 1) })
  }
  await both('delay', { delayMs: 0 })
}
if (only.includes('small')) {
  const slugs = Array.from({ length: 60 }, (_, n) => `small-${n}`)
  await source('seed', { slugs, seed: { commits: 20, blobSize: 2000, branches: 3, tags: 3 } })
  for (const delayMs of [0, 25]) {
    await both('delay', { delayMs })
    await compare(`60 small repositories, ${delayMs} ms of delay a request`, { saddle: () => saddle(slugs, 8), loop: () => shell(slugs, 1), 'xargs -P8': () => shell(slugs, 8) })
  }
  await both('delay', { delayMs: 0 })
}
if (only.includes('sync')) {
  const slugs = Array.from({ length: 200 }, (_, n) => `sync-${n}`)
  const store = join(work, '..', `saddle-bench-${process.pid}.db`)
  await source('seed', { slugs, seed: { commits: 5 } })
  await saddle(slugs, 8, '-synced', store)
  const samples = []
  let requests
  for (let round = 0; round < runs; round++) {
    await both('requests')
    samples.push(await saddle(slugs, 8, '-synced', store))
    const [ofSource, ofTarget] = await both('requests')
    requests = { git: ofSource.git + ofTarget.git, rest: ofSource.rest + ofTarget.rest }
  }
  const wallSeconds = median(samples.map((one) => one.wallSeconds))
  console.log(`\nSync of 200 repositories without news: ${wallSeconds.toFixed(2)} s, ${requests.git / 200} git and ${requests.rest / 200} REST requests a repository`)
  results.scenarios.push({ title: 'sync of 200 repositories', wallSeconds, requests, samples })
  for (const end of ['', '-wal', '-shm']) rmSync(store + end, { force: true })
}

await bulkScenarios({ only, runs, servers: addresses, source, target, both, startPair, shell, compare, results })

if (only.includes('lfs')) {
  const objects = Number(process.env.BENCH_LFS_OBJECTS ?? 500)
  const mebibytesOfObjects = Number(process.env.BENCH_LFS_MIB ?? 1024)
  // Evenly from next to nothing to twice the mean.
  const size = [200, Math.floor((2 * mebibytesOfObjects * 2 ** 20) / objects) - 200]
  await source('seed', { slugs: ['lfs'], seed: { commits: 20, lfs: { count: objects, size } } })
  /** Takes the objects off the target again, after making sure that all of them arrived. */
  const counted = async (way) => {
    const suffix = `-${++unique}`
    const sample = await way(suffix)
    const { stored } = await target('takeObjects', { name: `lfs${suffix}` })
    if (stored !== objects) throw new Error(`${stored} of ${objects} Git LFS objects arrived`)
    return sample
  }
  for (const delayMs of [0, 25]) {
    await both('delay', { delayMs })
    await compare(`${objects} Git LFS objects of ${mebibytesOfObjects} MiB in all, ${delayMs} ms of delay a request`, {
      saddle: () => counted((suffix) => saddle(['lfs'], 1, suffix)),
      'lfs fetch+push': () => counted((suffix) => shell(['lfs'], 1, { suffix, name: 'lfs-fetch-push.sh' })),
    })
  }
  await both('delay', { delayMs: 0 })
}

/** One migration by a backend, with the programs that it runs: their CPU and the largest's memory count as well. */
async function by(slug, git, packBytes) {
  const env = { BENCH_JOB: JSON.stringify({ servers: addresses, slugs: [slug], concurrency: 1, suffix: `-${++unique}`, git, packBytes }), BENCH_STORE: '' }
  const { wallSeconds, peakMiB, output } = await run('bash', ['-c', `set -e; "${process.execPath}" "${join(here, 'migrate.mjs')}"; times`], { env })
  return { wallSeconds, peakMiB, cpuSeconds: childrenCpu(output), writtenMiB: JSON.parse(output.split('\n')[0]).writtenMiB }
}

if (only.includes('steps')) {
  const blobSize = 20_000
  const commits = Math.ceil((mebibytes * 2 ** 20) / blobSize)
  await source('seed', { slugs: ['steps'], seed: { commits, blobSize, branches: 20, tags: 50 } })
  const third = Math.floor((mebibytes * 2 ** 20) / 3)
  await compare(`${mebibytes} MiB to a target that takes a third of it in one push`, {
    'relay in steps': () => by('steps', 'relay', third),
    'native in steps': () => by('steps', 'native', third),
    'relay, no limit': () => by('steps', 'relay'),
  })
}
if (only.includes('memory')) {
  // Incompressible, in files of 1 MB, so that the pack is as large as it says.
  const sizes = (process.env.BENCH_MEMORY_MB ?? '10,1000').split(',').map(Number)
  for (const megabytes of sizes) await source('seed', { slugs: [`memory-${megabytes}`], seed: { commits: megabytes, blobSize: 1_000_000 } })
  await compare('Memory of the relay by the size of the pack', Object.fromEntries(sizes.map((megabytes) => [`${megabytes} MB`, () => by(`memory-${megabytes}`, 'relay')])))
}

await both('stop')
for (const folder of [work, trusted]) rmSync(folder, { recursive: true, force: true })
writeFileSync(join(here, 'results.json'), JSON.stringify(results, null, 2) + '\n')
console.log('\nAll samples: bench/results.json')

// The server has processes and bars of its own.
if (only.includes('http')) [process.exitCode] = await once(spawn(process.execPath, [join(here, 'http.mjs')], { stdio: 'inherit' }), 'exit')
