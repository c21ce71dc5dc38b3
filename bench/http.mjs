// Measures the server: many streams of one migration, status reads beside a bare Fastify route, start and memory. The load
// comes from processes of its own. `BENCH_ONLY=http npm run bench`; BENCH_RUNS and BENCH_WATCHERS change the size.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from './measure.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const bin = join(here, '../packages/cli-adapter/dist/bin.js')
const runs = Number(process.env.BENCH_RUNS ?? 5)
const watchers = Number(process.env.BENCH_WATCHERS ?? 1000)

/** A process that answers one line of JSON to each command. */
function talk(script, env = {}) {
  const child = spawn(process.execPath, [join(here, script)], { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value)
  const send = (command, options = {}) => child.stdin.write(JSON.stringify({ command, ...options }) + '\n')
  return { child, next, send, ask: async (command, options) => (send(command, options), next()) }
}

async function load(job) {
  const loader = talk('http-load.mjs', { BENCH_JOB: JSON.stringify(job) })
  return loader.next()
}

const sandbox = talk('servers.mjs')
const addresses = await sandbox.ask('start')
await sandbox.ask('seed', { slugs: ['watched', 'read'], seed: { commits: 3 } })
const saddle = talk('http-server.mjs', { BENCH_SERVERS: JSON.stringify(addresses) })
const { url } = await saddle.ask('start')

const login = await fetch(`${url}/api/v1/auth/bitbucket`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token: addresses.bitbucketToken }) })
const cookie = login.headers.getSetCookie()[0].split(';')[0]
async function startMigration(slug) {
  const body = JSON.stringify({ source: { project: 'BENCH', repository: slug }, target: { owner: 'acme', name: slug }, repository_option: 'new' })
  const answer = await fetch(`${url}/api/v1/migration/start`, { method: 'POST', headers: { 'content-type': 'application/json', cookie, 'x-github-token': addresses.githubToken }, body })
  return (await answer.json()).migration_id
}

// One migration, many watchers.
const watched = await startMigration('watched')
const loader = talk('http-load.mjs', { BENCH_JOB: JSON.stringify({ kind: 'watch', url: `${url}/api/v1/migration/status/${watched}`, cookie, watchers }) })
await loader.next()
const perSecond = 4
await saddle.ask('report', { id: watched, events: 120, perSecond })
const streams = { ...(await loader.next()), perSecond, ...(await saddle.ask('peak')) }

// Status reads, in turns with a bare route that answers with the same JSON.
const read = await startMigration('read')
const headers = { cookie, accept: 'application/json' }
const status = `${url}/api/v1/migration/status/${read}`
const body = await (await fetch(status, { headers })).json()
const { url: bareUrl } = await saddle.ask('bare', { body })
const samples = { bare: [], saddle: [] }
for (let run = 0; run < runs; run++) {
  samples.bare.push(await readFrom(`${bareUrl}/status/${read}`))
  samples.saddle.push(await readFrom(status))
}
const middle = (all) => ({ perSecond: median(all.map((one) => one.perSecond)), cpuMicroseconds: median(all.map((one) => one.cpuMicroseconds)) })
const [ours, bare] = [middle(samples.saddle), middle(samples.bare)]
const reads = { saddle: ours, bare, rateRatio: ratio(ours.perSecond, bare.perSecond), cpuRatio: ratio(ours.cpuMicroseconds, bare.cpuMicroseconds), samples }

/** The rate, and the server's CPU for each answer, which says more than the rate when the machine has other things to do. */
async function readFrom(url) {
  const before = (await saddle.ask('cpu')).microseconds
  const { answers, perSecond } = await load({ kind: 'read', url, headers, connections: 16, seconds: 3 })
  return { perSecond, cpuMicroseconds: Math.round(((await saddle.ask('cpu')).microseconds - before) / answers) }
}
function ratio(one, other) {
  return Number((one / other).toFixed(2))
}
await saddle.ask('stop')

// Start, and memory of the command when nothing happens.
const starts = []
for (let run = 0; run < runs; run++) starts.push(await startCommand())
const start = { milliseconds: Math.round(median(starts.map(({ milliseconds }) => milliseconds))), idleMiB: Math.round(median(starts.map(({ idleMiB }) => idleMiB))) }
await sandbox.ask('stop')

async function startCommand() {
  const home = mkdtempSync(join(tmpdir(), 'saddle-bench-home-'))
  const began = performance.now()
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0'], { env: { PATH: process.env.PATH, SADDLE_HOME: home, SADDLE_BITBUCKET_URL: addresses.bitbucketUrl, SADDLE_GITHUB_URL: addresses.githubUrl }, stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  for await (const chunk of child.stderr) {
    text += chunk
    if (text.includes('listens on')) break
  }
  await fetch(`${/http:\/\/[^ ]+/.exec(text)[0]}/health`)
  const milliseconds = performance.now() - began
  await sleep(3000)
  const idleMiB = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
  rmSync(home, { recursive: true, force: true })
  return { milliseconds, idleMiB }
}

const results = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, runs, streams, reads, start }
writeFileSync(join(here, 'results-http.json'), JSON.stringify(results, undefined, 2) + '\n')

const { lagMs, eventsEach, peakMiB } = streams
console.log(`
${watchers} event streams of one migration, ${eventsEach} events each, ${perSecond} a second
  lag p50 ${lagMs.p50} ms, p99 ${lagMs.p99} ms, most ${lagMs.max} ms; peak memory of the server ${peakMiB} MiB

Status reads a second, and the server's CPU for one
  saddle         ${text(reads.saddle)}
  bare Fastify   ${text(reads.bare)}
  saddle answers ${reads.rateRatio} of its rate, with ${reads.cpuRatio} times its CPU

The command: ready after ${start.milliseconds} ms, ${start.idleMiB} MiB when idle
`)
function text({ perSecond, cpuMicroseconds }) {
  return `${String(perSecond).padStart(6)}/s  ${String(cpuMicroseconds).padStart(4)} µs`
}

const bars = {
  'every watcher got every event in order': streams.complete,
  'p99 lag under 500 ms': lagMs.p99 < 500,
  'under 250 MB with all streams open': peakMiB * 1.048576 < 250,
  'status reads at least half of a bare route': reads.rateRatio >= 0.5,
  'ready in under a second': start.milliseconds < 1000,
  'under 120 MB when idle': start.idleMiB * 1.048576 < 120,
}
for (const [bar, kept] of Object.entries(bars)) console.log(`${kept ? 'kept  ' : 'MISSED'}  ${bar}`)
console.log('\nAll samples: bench/results-http.json')
process.exit(Object.values(bars).every(Boolean) ? 0 : 1)
