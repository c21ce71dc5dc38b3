import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { ProgressEvent, SaddleError } from '@saddle/core'
import { sampleEvent, sampleRecord } from '@saddle/core/testing'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { RedisBackend, RedisStore } from '../src/index.ts'
import { hasRedis, startRedis, type TestRedis } from '../../../scripts/redis-server.ts'

const failureOf = (work: Promise<unknown>): Promise<SaddleError> =>
  work.then(() => { throw new Error('it did not fail') }, (error: unknown) => error as SaddleError)

/** Events of one migration, numbered from one to another. */
const sampleEvents = (id: string, from: number, to: number): ProgressEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => sampleEvent(id, from + index))

describe.skipIf(!hasRedis)('opening', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
    const admin = new Redis(redis.url)
    await admin.config('SET', 'requirepass', 'canary-secret-1')
    admin.disconnect()
  })
  afterAll(() => redis.close())
  const withPassword = (password: string) => `redis://:${password}@127.0.0.1:${redis.port}`

  it.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])('refuses a server that could evict (%s), with the remedy', async (policy) => {
    const admin = new Redis(withPassword('canary-secret-1'))
    await admin.config('SET', 'maxmemory-policy', policy)
    const error = await failureOf(RedisStore.open({ url: withPassword('canary-secret-1') }))
    expect(error).toMatchObject({ code: 'STORE_FAILED', context: { option: 'maxmemory-policy' } })
    expect(error.message).toContain(policy)
    expect(error.message).toContain('CONFIG SET maxmemory-policy noeviction')
    await admin.config('SET', 'maxmemory-policy', 'noeviction')
    admin.disconnect()
    await (await RedisStore.open({ url: withPassword('canary-secret-1') })).close()
  })

  it.each([
    ['6.2', '%1\r\n$5\r\nproto\r\n:3\r\n', /version 6\.2\.14; 7\.0 or newer is needed/],
    ['5', '-ERR unknown command\r\n', /7\.0 or newer is\. Update it/],
  ])('refuses a server that is too old (%s)', async (_version, hello, message) => {
    const old = createServer((socket) => {
      // What a version 6 answers to the only question that matters.
      socket.on('data', (data) => {
        const info = '# Server\r\nredis_version:6.2.14\r\nmaxmemory_policy:noeviction\r\n'
        for (const [, command] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
          const answers: Record<string, string> = { info: `$${info.length}\r\n${info}\r\n`, hello }
          socket.write(answers[command!.toLowerCase()] ?? '+OK\r\n')
        }
      })
      socket.on('error', () => {})
    }).listen(0, '127.0.0.1')
    await once(old, 'listening')
    const error = await failureOf(RedisStore.open({ url: `redis://127.0.0.1:${(old.address() as AddressInfo).port}` }))
    expect(error).toMatchObject({ code: 'STORE_FAILED', message: expect.stringMatching(message) })
    old.close()
  })

  it('says when nobody is there, when the password is wrong, and when the address is none', async () => {
    const away = await failureOf(RedisStore.open({ url: 'redis://:canary-secret-2@127.0.0.1:1' }))
    expect(away).toMatchObject({ code: 'STORE_FAILED', retryable: true, message: expect.stringMatching(/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/) })
    const wrong = await failureOf(RedisStore.open({ url: withPassword('canary-secret-3') }))
    expect(wrong).toMatchObject({ code: 'STORE_FAILED', retryable: false, message: expect.stringMatching(/does not accept the credentials/) })
    const none = await failureOf(RedisStore.open({ url: 'http://:canary-secret-4@localhost' }))
    expect(none).toMatchObject({ code: 'INVALID_INPUT' })
    expect(JSON.stringify([away, wrong, none]) + [away, wrong, none].map(String).join()).not.toContain('canary')
  })

  it('keeps installations with different prefixes apart', async () => {
    const [one, two] = await Promise.all(['one', 'two'].map((prefix) => RedisStore.open({ url: withPassword('canary-secret-1'), prefix })))
    await one!.createMigration(sampleRecord('a'))
    expect(await two!.getMigration('a')).toBeUndefined()
    expect((await two!.listMigrations({})).items).toEqual([])
    await Promise.all([one!.close(), two!.close()])
  })
})

describe.skipIf(!hasRedis)('a Redis that is away', () => {
  let redis: TestRedis
  const open: { close(): Promise<void> }[] = []
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close()
  })
  const backend = async (patienceMs: number) => {
    const opened = await RedisBackend.open({ url: redis.url, patienceMs })
    open.push(opened)
    return opened
  }

  it('is waited for: what was written before is there, and what is written meanwhile arrives once', async () => {
    const { store, queue, sessions } = await backend(60_000)
    await store.createMigration(sampleRecord('a', { status: 'in_progress' }))
    const lease = await store.acquireLease('host/o/n', 'me', 60_000)
    await store.appendEvents('a', sampleEvents('a', 1, 3), lease)
    const followed = (async () => {
      const seqs: number[] = []
      for await (const { seq } of store.events('a', { follow: true })) seqs.push(seq)
      return seqs
    })()
    await redis.kill()
    const writes = Promise.all([
      store.appendEvents('a', sampleEvents('a', 4, 5), lease),
      store.appendJournal('a', { key: 'k', state: 'intent', at: '2024-05-01T10:00:00.000Z' }, lease),
      store.renewLease(lease!, 60_000),
      sessions.set('s', 'v', Date.now() + 60_000),
      queue.enqueue([{ kind: 'migration', migrationId: 'a' }]),
    ])
    await redis.start()
    expect((await writes)[2]).toBe(true)
    await store.updateMigration('a', { status: 'completed' }, lease)
    expect(await followed).toEqual([1, 2, 3, 4, 5])
    expect(await store.journal('a')).toHaveLength(1)
    expect(await sessions.get('s')).toBe('v')
    expect((await queue.counts()).waiting).toBe(1)
  })

  it('makes a hurried caller fail, soon and with a time to come back', async () => {
    const { store, queue, sessions } = await backend(200)
    await redis.kill()
    const started = performance.now()
    const failures = await Promise.all([store.getMigration('a'), store.bulks.get('b'), sessions.get('s'), queue.ping(), queue.counts()].map(failureOf))
    expect(failures.map(({ code, retryable, context }) => [code, retryable, context.retryAfter])).toEqual(Array(5).fill(['STORE_FAILED', true, 5]))
    expect(performance.now() - started).toBeLessThan(5000)
    await redis.start()
    await expect.poll(() => store.getMigration('nobody').then(() => 'back', () => 'away')).toBe('back')
  })

  it('that is frozen is waited for as well, and nothing is written twice', async () => {
    const { store } = await backend(60_000)
    await store.createMigration(sampleRecord('frozen', { status: 'in_progress' }))
    process.kill(redis.pid, 'SIGSTOP')
    const write = store.appendEvents('frozen', sampleEvents('frozen', 1, 1))
    // The client gives up waiting for the first answer after five seconds and asks again; then both are answered.
    setTimeout(() => process.kill(redis.pid, 'SIGCONT'), 6000)
    await write
    await store.appendEvents('frozen', sampleEvents('frozen', 2, 2))
    const seqs: number[] = []
    for await (const { seq } of store.events('frozen')) seqs.push(seq)
    expect(seqs).toEqual([1, 2])
  })

  it('whose memory is full says so', async () => {
    const { store } = await backend(1000)
    const admin = new Redis(redis.url)
    await admin.config('SET', 'maxmemory', '1')
    expect(await failureOf(store.createMigration(sampleRecord('full')))).toMatchObject({ code: 'STORE_FULL', message: expect.stringMatching(/maxmemory/) })
    await admin.config('SET', 'maxmemory', '0')
    await store.createMigration(sampleRecord('full'))
    admin.disconnect()
  })
})
