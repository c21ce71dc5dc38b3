import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasRedis, startRedis, type TestRedis } from '../../../scripts/redis-server.ts'
import { createWorker, openBackends, type Backends } from '../src/index.ts'
import type { Caller } from './caller.ts'
import { keys, setStage, type Stage } from './stage.ts'

describe.skipIf(!hasRedis)('a server and a worker on Redis', () => {
  let redis: TestRedis
  let opened: Backends[]
  let stage: Stage
  let user: Caller
  let worker: { close(): Promise<void> }
  beforeAll(async () => {
    redis = await startRedis()
    // The server is in a hurry to answer; the worker waits.
    opened = await Promise.all([300, 60_000].map((patienceMs) => openBackends({ directory: '', redis: { url: redis.url, patienceMs } })))
    const [hasty, patient] = opened as [Backends, Backends]
    stage = await setStage({ server: { ...hasty, sessionKeys: keys, concurrency: 0 } })
    user = await stage.user()
    const { bitbucket, github } = stage.sandbox
    worker = await createWorker({
      ...patient, sessionKeys: keys, concurrency: 2,
      bitbucket: { baseUrl: bitbucket.url }, github: { baseUrl: github.url, gitUrl: github.webUrl },
    })
  })
  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await worker.close()
    for (const backends of opened) await backends.close()
    await redis.close()
  })

  it('answers 503 with a time to come back while Redis is away, loses nothing, and goes on when it is back', async () => {
    const slugs = ['r1', 'r2', 'r3']
    for (const slug of slugs) await stage.sandbox.bitbucket.createRepository({ project: 'RED', slug, seed: { commits: 2 } })
    const held = stage.sandbox.github.fault({ method: 'POST', path: /r\d\.git\/git-receive-pack$/, action: { delayMs: 300 } })
    const started = await user.post('/api/v1/migration/bulk/start', { source_project: 'RED', source_repositories: slugs, target_owner: 'acme', visibility: 'private' })
    expect(started.status).toBe(202)
    const status = `/api/v1/migration/bulk/${started.body.bulk_migration_id}/status`
    await held.fired
    await redis.kill()
    for (const path of [status, '/api/v1/migration/history', '/api/v1/bitbucket/projects', '/health/ready']) {
      const { status: code, headers, body } = await user.get(path)
      expect([path, code]).toEqual([path, 503])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      expect(JSON.stringify(body)).toMatch(/Redis at 127\.0\.0\.1:\d+ cannot be reached/)
    }
    expect((await user.get('/health')).status).toBe(200)
    await redis.start()
    await expect.poll(async () => (await user.get(status)).body.status, { timeout: 40_000, interval: 100 }).toBe('completed')
    expect((await user.get(status)).body).toMatchObject({ total_repositories: 3, completed: 3, failed: 0 })
    expect((await user.get('/api/v1/auth/session')).body).toMatchObject({ authenticated: true, bitbucket_authenticated: true })
    expect((await user.get('/health/ready')).status).toBe(200)
  })

  it('writes no credential to Redis at any time', async () => {
    const { bitbucket, github } = stage.sandbox
    const written = await redis.written()
    // It is the log that is looked at: the jobs are in it, and name where the credentials are.
    expect(written).toContain('credentialRef')
    for (const secret of [bitbucket.adminPassword, github.token]) {
      for (const user of ['', ':', `${bitbucket.adminUsername}:`, 'x-access-token:']) {
        expect(written).not.toContain(Buffer.from(`${user}${secret}`).toString('base64').replace(/=+$/, ''))
      }
      expect(written).not.toContain(encodeURIComponent(secret))
      expect(written).not.toContain(secret)
    }
  })
})
