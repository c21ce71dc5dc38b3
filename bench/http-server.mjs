// A Saddle server with its embedded stores, and beside it on request a bare Fastify route with the same answer. A process of
// its own: takes one JSON command a line and answers each with one line.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, openBackends } from '@saddle/http-adapter'
import { fastify } from 'fastify'

const { bitbucketUrl, githubUrl, githubWebUrl } = JSON.parse(process.env.BENCH_SERVERS)
const directory = mkdtempSync(join(tmpdir(), 'saddle-bench-http-'))
const backends = await openBackends({ directory })
const server = await createServer({
  bitbucket: { baseUrl: bitbucketUrl },
  github: { baseUrl: githubUrl, gitUrl: githubWebUrl },
  store: backends.store,
  sessionStore: backends.sessionStore,
  sessionKeys: ['a-key-for-the-bench-and-nothing-else-0123456789'],
  // Nobody works: what happens to the migration is made up here.
  concurrency: 0,
  // Limits are for callers, not for a bench of one.
  rateLimit: { max: 100_000_000 },
})
const url = await server.listen({ port: 0, host: '127.0.0.1' })
let bare

const commands = {
  start: () => ({ url }),
  peak: () => ({ peakMiB: Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024) }),
  cpu: () => {
    const { user, system } = process.cpuUsage()
    return { microseconds: user + system }
  },
  /** Reports progress of a migration: so many events, so many a second, each with the time at which it was reported. */
  async report({ id, events, perSecond }) {
    const { store } = backends
    let seq = 0
    for await (const event of store.events(id)) seq = event.seq
    await store.updateMigration(id, { status: 'in_progress', startedAt: new Date().toISOString() })
    const began = performance.now()
    for (let index = 0; index < events; index++) {
      const at = new Date()
      await store.appendEvents(id, [{ migrationId: id, seq: ++seq, at: at.toISOString(), type: 'message', level: 'info', text: `${index} ${at.getTime()}` }])
      await sleep(Math.max(0, began + ((index + 1) * 1000) / perSecond - performance.now()))
    }
    await store.appendEvents(id, [{ migrationId: id, seq: seq + 1, at: new Date().toISOString(), type: 'migration-end', status: 'completed', durationMs: 1 }])
    await store.updateMigration(id, { status: 'completed', endedAt: new Date().toISOString() })
    return { events }
  },
  /** A route of Fastify alone that answers with the given JSON. */
  async bare({ body }) {
    bare = fastify()
    bare.get('/status/:id', async () => body)
    return { url: await bare.listen({ port: 0, host: '127.0.0.1' }) }
  },
  async stop() {
    await Promise.all([server.close(), bare?.close()])
    await backends.close()
    rmSync(directory, { recursive: true, force: true })
    return {}
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...options } = JSON.parse(line)
  // Reporting goes on while other questions are answered.
  const answer = Promise.resolve(commands[command](options)).then((result) => console.log(JSON.stringify({ command, ...result })))
  if (command === 'stop') await answer.then(() => process.exit(0))
}
