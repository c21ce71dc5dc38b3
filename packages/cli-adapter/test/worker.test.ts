import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasRedis, startRedis, type TestRedis } from '../../../scripts/redis-server.ts'
import { Capture } from './capture.ts'
import { Stage } from './stage.ts'

describe.skipIf(!hasRedis)('saddle worker', () => {
  let stage: Stage
  let redis: TestRedis
  let env: Record<string, string>
  beforeAll(async () => {
    stage = await Stage.open()
    redis = await startRedis()
    env = { SADDLE_REDIS_URL: redis.url }
  })
  afterAll(async () => {
    await stage.close()
    await redis.close()
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
    expect(log.text + stdout.text + (await redis.written())).not.toContain(stage.sandbox.github.token)
  })

  it('says what it needs', async () => {
    const without = await stage.run(['worker'])
    expect([without.status, without.stderr.text]).toEqual([2, expect.stringMatching(/SADDLE_REDIS_URL is not set/)])
    const away = await stage.run(['worker'], { env: { SADDLE_REDIS_URL: 'redis://:canary-secret@127.0.0.1:1' } })
    expect([away.status, away.stderr.text]).toEqual([1, expect.stringMatching(/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/)])
    expect(away.stderr.text).not.toContain('canary-secret')
  })
})
