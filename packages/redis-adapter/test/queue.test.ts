import { eventually, jobQueueSuite } from '@saddle/core/testing'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RedisQueue } from '../src/index.ts'
import { hasRedis, startRedis, type TestRedis } from '../../../scripts/redis-server.ts'

describe.skipIf(!hasRedis)('on Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis('--appendfsync', 'no')
  })
  afterAll(() => redis.close())

  jobQueueSuite({ describe, it, beforeEach, afterEach }, 'RedisQueue', async () => ({
    queue: await RedisQueue.open({ url: redis.url }),
    another: () => RedisQueue.open({ url: redis.url }),
    dispose: () => redis.flush(),
  }))

  it('leaves no connection behind', async () => {
    const watcher = new Redis(redis.url)
    const connections = async () => String(await watcher.client('LIST')).trim().split('\n').length
    const queue = await RedisQueue.open({ url: redis.url })
    queue.process(async () => 'done', { concurrency: 1 })
    await queue.enqueue([{ kind: 'migration', migrationId: 'a' }])
    expect(await connections()).toBeGreaterThan(2)
    await queue.close()
    expect(await eventually(async () => ((await connections()) === 1 ? true : undefined))).toBe(true)
    watcher.disconnect()
  })
})
