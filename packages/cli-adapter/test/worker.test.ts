import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Capture } from './capture.ts'
import { Stage } from './stage.ts'

const program = process.env['PATH']!.split(delimiter).map((folder) => join(folder, 'redis-server')).find(existsSync)
if (!program && process.env['SADDLE_REQUIRE_SERVICES'] === '1') throw new Error('redis-server is not installed, and SADDLE_REQUIRE_SERVICES=1 asks for it.')
if (!program) console.warn('\n*** redis-server is not installed: the tests of `saddle worker` are SKIPPED. ***\n')

describe.skipIf(!program)('saddle worker', () => {
  let stage: Stage
  let folder: string
  let env: Record<string, string>
  let stopRedis: () => Promise<void>
  beforeAll(async () => {
    stage = await Stage.open()
    folder = await mkdtemp(join(tmpdir(), 'saddle-worker-test-'))
    const port = await freePort()
    const redis = spawn(program!, ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''], { stdio: ['ignore', 'pipe', 'ignore'] })
    for await (const text of redis.stdout) if (String(text).includes('Ready to accept')) break
    env = { SADDLE_REDIS_URL: `redis://127.0.0.1:${port}` }
    stopRedis = async () => {
      const gone = once(redis, 'exit')
      redis.kill('SIGKILL')
      await gone
    }
  })
  afterAll(async () => {
    await stage.close()
    await stopRedis()
    await rm(folder, { recursive: true })
  })

  it('does what saddle bulk asks for, wherever it was asked, and all see the same history', async () => {
    for (const slug of ['w1', 'w2', 'w3']) await stage.sandbox.bitbucket.createRepository({ project: 'WORK', slug, seed: { commits: 2 } })
    const controller = new AbortController()
    const log = new Capture()
    const workers = [0, 1].map(() => stage.run(['worker', '--concurrency', '2'], { env, stdout: log, signal: controller.signal }))
    const { status, stdout } = await stage.run(['bulk', 'WORK', '--to', 'acme'], { env })
    expect([status, stdout.lines.at(-1)]).toEqual([0, expect.stringMatching(/^3 of 3 repositories arrived and verified/)])
    for (const slug of ['w1', 'w2', 'w3']) expect(await stage.clonedRefs(slug)).toBe(await stage.sourceRefs(slug, 'WORK'))
    const history = await stage.run(['history', '--json'], { env })
    expect(history.stdout.json.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed'])
    expect((await stage.run(['history'])).stdout.text).toBe('No migrations.\n')
    controller.abort()
    expect((await Promise.all(workers)).map((worker) => worker.status)).toEqual([0, 0])
    expect(log.json.filter(({ msg }) => msg === 'job ended')).toHaveLength(3)
    expect(log.text + stdout.text).not.toContain(stage.sandbox.github.token)
  })

  it('says what it needs', async () => {
    const without = await stage.run(['worker'])
    expect([without.status, without.stderr.text]).toEqual([2, expect.stringMatching(/SADDLE_REDIS_URL is not set/)])
    const away = await stage.run(['worker'], { env: { SADDLE_REDIS_URL: 'redis://:canary-secret@127.0.0.1:1' } })
    expect([away.status, away.stderr.text]).toEqual([1, expect.stringMatching(/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/)])
    expect(away.stderr.text).not.toContain('canary-secret')
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
