import { migrationStoreSuite } from '@saddle/core/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { RedisStore } from '../src/index.ts'
import { hasRedis, startRedis, type TestRedis } from '../../../scripts/redis-server.ts'

describe.skipIf(!hasRedis)('on Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis('--appendfsync', 'no')
  })
  afterAll(() => redis.close())

  migrationStoreSuite({ describe, it, beforeEach, afterEach }, 'RedisStore', async () => ({
    store: await RedisStore.open({ url: redis.url }),
    another: () => RedisStore.open({ url: redis.url }),
    dispose: () => redis.flush(),
  }))
})
