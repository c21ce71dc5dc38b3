// Runs a stored bulk migration in a process of its own, to be killed at any moment and started again. Reads its
// instructions from stdin, since they contain credentials.
import { BitbucketClient, GitHubClient, MigrationEngine, SqliteStore } from '@saddle/core'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const { path, bitbucket, github, bulkId, concurrency, leaseMs } = JSON.parse(Buffer.concat(chunks).toString('utf8'))

const store = await SqliteStore.open({ path })
const retry = { attempts: 8, baseDelay: 100 }
const engine = new MigrationEngine({
  bitbucket: new BitbucketClient({ ...bitbucket, retry }), github: new GitHubClient({ ...github, retry }), store, leaseMs, retry,
})
// Who kills it counts from here: before that there is nothing to interrupt.
engine.once('migration-start', () => process.stdout.write('begun\n'))
const { status } = await engine.bulk.run(bulkId, { concurrency, leaseMs })
process.stdout.write(status)
process.exit(0)
