import { sessionStoreSuite } from '@saddle/core/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { RedisSessionStore } from '../src/index.ts'
import { hasRedis, startRedis, type TestRedis } from '../../../scripts/redis-server.ts'

describe.skipIf(!hasRedis)('on Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis('--appendfsync', 'no')
  })
  afterAll(() => redis.close())

  sessionStoreSuite({ describe, it, beforeEach, afterEach }, 'RedisSessionStore', async () => ({
    store: await RedisSessionStore.open({ url: redis.url }),
    another: () => RedisSessionStore.open({ url: redis.url }),
    dispose: () => redis.flush(),
  }))
})
