// A worker in a process of its own, to be killed, frozen and cut off. Reads its instructions from stdin, since they
// contain credentials.
import { BitbucketClient, GitHubClient, MigrationEngine, migrationHandler } from '@saddle/core'
import { RedisBackend } from '@saddle/redis-adapter'

let text = ''
for await (const chunk of process.stdin) text += chunk
const { url, bitbucket, github, concurrency, leaseMs, lockMs } = JSON.parse(text)

const redis = await RedisBackend.open({ url, lockMs })
const retry = { attempts: 8, baseDelay: 100 }
const budget = (identity) => redis.budget({ identity, concurrency: 40 })
const engine = new MigrationEngine({
  bitbucket: new BitbucketClient({ ...bitbucket, retry, budget: budget('bitbucket') }),
  github: new GitHubClient({ ...github, retry, budget: budget('github') }),
  store: redis.store,
  leaseMs,
  retry,
})
const handler = migrationHandler({ store: redis.store, engineFor: async () => engine })
const work = async (job, options) => {
  const result = await handler(job, options)
  process.stdout.write(`${JSON.stringify(result)}\n`)
  return result
}
redis.queue.process(work, { concurrency })
process.stdout.write('"ready"\n')
