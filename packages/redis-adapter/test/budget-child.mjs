// Draws from a budget of the cluster in a process of its own, so many times, once it is told to; says when it had each share.
import { once } from 'node:events'
import { RedisBackend } from '@saddle/redis-adapter'

const { url, options, draws, holdMs } = JSON.parse(process.argv[2])
const redis = await RedisBackend.open({ url })
const budget = redis.budget(options)
process.stdout.write('"ready"\n')
await once(process.stdin, 'data')
const shares = await Promise.all(
  Array.from({ length: draws }, async () => {
    const release = await budget.acquire({ creates: true })
    const from = Date.now()
    await new Promise((resolve) => setTimeout(resolve, holdMs))
    release()
    return { from, to: from + holdMs }
  }),
)
process.stdout.write(`${JSON.stringify(shares)}\n`)
await redis.close()
process.exit(0)
