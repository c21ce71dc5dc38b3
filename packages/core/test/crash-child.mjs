// Runs one migration in a process of its own and kills itself at a given point. Reads its instructions from stdin, since
// they contain credentials.
import { BitbucketClient, GitHubClient, MigrationEngine, SqliteStore } from '@saddle/core'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const { path, bitbucket, github, request, leaseMs, kill } = JSON.parse(Buffer.concat(chunks).toString('utf8'))

let seen = 0
const point = (kind) => {
  if (kind === kill?.kind && ++seen === kill.number) process.kill(process.pid, 'SIGKILL')
}

const writes = new Set(['createMigration', 'updateMigration', 'appendEvents', 'appendJournal', 'acquireLease', 'releaseLease'])
const store = new Proxy(await SqliteStore.open({ path }), {
  get(real, name) {
    const member = Reflect.get(real, name, real)
    if (typeof member !== 'function') return member
    if (!writes.has(name)) return member.bind(real)
    return async (...args) => {
      point('before a write to the store')
      const result = await member.apply(real, args)
      point('after a write to the store')
      return result
    }
  },
})
const clients = { bitbucket: new BitbucketClient(bitbucket), github: new GitHubClient(github) }
for (const client of Object.values(clients)) client.on('request', () => point('after the answer to a request'))
await new MigrationEngine({ ...clients, store, leaseMs }).migrate(request)
process.stdout.write(JSON.stringify({ maxRSS: process.resourceUsage().maxRSS }))
process.exit(0)
