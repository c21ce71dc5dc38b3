import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasRedis, startRedis, type TestRedis } from '../../../scripts/redis-server.ts'
import { openBackends, type Backends } from '../src/index.ts'
import { Caller } from './caller.ts'
import { keys, setStage, type Stage } from './stage.ts'

describe.skipIf(!hasRedis)('a server on Redis', () => {
  let redis: TestRedis
  let directory: string
  let backends: Backends
  let stage: Stage
  beforeAll(async () => {
    redis = await startRedis()
    directory = await mkdtemp(join(tmpdir(), 'saddle-http-redis-'))
    backends = await openBackends({ directory, redis: { url: redis.url, patienceMs: 300 } })
    const { store, sessionStore, queue, budgetFor } = backends
    stage = await setStage({ server: { store, sessionStore, queue, budgetFor, sessionKeys: keys } })
  })
  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await backends.close()
    await redis.close()
    await rm(directory, { recursive: true })
  })

  it('migrates, and a session is one at every server', async () => {
    await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'shared' })
    const user = await stage.user()
    const { body } = await user.post('/api/v1/migration/start', { source: { project: 'PRJ', repository: 'shared' }, target: { owner: 'acme', name: 'shared' } })
    expect(await user.finished(body.migration_id)).toMatchObject({ status: 'completed' })
    const other = new Caller((await stage.another()).url)
    other.cookie = user.cookie
    expect((await other.get('/api/v1/migration/history')).body.migrations).toMatchObject([{ migration_id: body.migration_id }])
    await other.post('/api/v1/auth/logout')
    await expect.poll(async () => (await user.get('/api/v1/migration/history')).status, { timeout: 5000 }).toBe(401)
  })

  it('says at its start that Redis cannot be reached, or goes on without it when told to', async () => {
    const away = { url: 'redis://user:canary-secret@127.0.0.1:1', patienceMs: 100 }
    await expect(openBackends({ directory, redis: away })).rejects.toMatchObject({ code: 'STORE_FAILED', message: expect.stringMatching(/^(?!.*canary).*127\.0\.0\.1:1/) })
    const warnings: string[] = []
    const fallback = await openBackends({ directory, redis: away, sessionFallback: 'embedded', onWarning: (text) => warnings.push(text) })
    expect(fallback.kind).toBe('embedded')
    expect(warnings).toEqual([expect.stringContaining('kept on this machine instead')])
    await fallback.close()
  })
})
