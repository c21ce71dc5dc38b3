import { jobQueueSuite } from '@saddle/core/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { RedisQueue } from '../src/index.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'

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
})
