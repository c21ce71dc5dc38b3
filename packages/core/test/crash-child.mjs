// Runs one migration in a process of its own and kills itself at a given point. Reads its instructions from stdin, since
// they contain credentials.
import { readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { BitbucketClient, GitHubClient, MemoryStore, MigrationEngine, SqliteStore } from '@saddle/core'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const { path, bitbucket, github, request, leaseMs, packBytes, kill } = JSON.parse(Buffer.concat(chunks).toString('utf8'))

let seen = 0
const point = (kind) => {
  if (kind === kill?.kind && ++seen === kill.number) process.kill(process.pid, 'SIGKILL')
}

const writes = new Set(['createMigration', 'updateMigration', 'appendEvents', 'appendJournal', 'acquireLease', 'releaseLease'])
const store = new Proxy(path === undefined ? new MemoryStore() : await SqliteStore.open({ path }), {
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
const { gitBackend } = await new MigrationEngine({ ...clients, store, leaseMs, packBytes }).migrate(request)
// What it wrote to disks, for those who expect it to write nothing.
const writtenBytes = Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))[1])
process.stdout.write(JSON.stringify({ gitBackend, files: readdirSync(tmpdir()), writtenBytes, maxRSS: process.resourceUsage().maxRSS }), () => process.exit(0))
