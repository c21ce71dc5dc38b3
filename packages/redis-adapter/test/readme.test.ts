import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../scripts/readme-example.ts'
import { hasRedis, startRedis } from '../../../scripts/redis-server.ts'

it.skipIf(!hasRedis)('the example of the README runs as printed', async () => {
  const redis = await startRedis('--appendfsync', 'no')
  try {
    const { printed } = await runReadmeExample(new URL('../README.md', import.meta.url), { 'redis://localhost:6379': redis.url })
    expect(printed.at(-1)).toEqual(['completed', 2])
  } finally {
    await redis.close()
  }
})
