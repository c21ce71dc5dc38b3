import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { SaddleError, type BudgetWait } from '@saddle/core'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisBackend, type RedisBudgetOptions } from '../src/index.ts'
import { hasRedis, startRedis, type TestRedis } from '../../../scripts/redis-server.ts'

describe.skipIf(!hasRedis)('RedisBudget', () => {
  let redis: TestRedis
  let processes: RedisBackend[]
  beforeAll(async () => {
    redis = await startRedis('--appendfsync', 'no')
    processes = await Promise.all([1, 2, 3].map(() => RedisBackend.open({ url: redis.url })))
  })
  afterAll(async () => {
    for (const one of processes) await one.close()
    await redis.close()
  })

  let number = 0
  /** The same budget in three processes. */
  const shared = (options: Omit<RedisBudgetOptions, 'identity'>) => {
    const identity = `token ${++number}`
    return processes.map((one) => one.budget({ identity, ...options }))
  }

  it('bounds what is under way in the whole cluster', async () => {
    const budgets = shared({ concurrency: 4 })
    let running = 0
    let most = 0
    const request = async (index: number) => {
      const release = await budgets[index % 3]!.acquire({}, {})
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
      release()
      release()
    }
    await Promise.all(Array.from({ length: 30 }, (_, index) => request(index)))
    expect(most).toBeLessThanOrEqual(4)
    expect(most).toBeGreaterThan(1)
  })

  it('gives the share of a process that died back', async () => {
    const [one, two] = shared({ concurrency: 1, requestMs: 100 })
    await one!.acquire({}, {})
    const waits: BudgetWait[] = []
    await two!.acquire({}, { onWait: (wait) => waits.push(wait) })
    expect(waits).toEqual([{ reason: 'concurrency', waitMs: 0 }])
  })

  it('shares the points of one bucket, and says why it waits', async () => {
    const budgets = shared({ points: { amount: 10, intervalMs: 500 } })
    const waits: BudgetWait[] = []
    const started = performance.now()
    // 20 points: ten at once, and ten at ten in half a second.
    await Promise.all(Array.from({ length: 4 }, (_, index) => budgets[index % 3]!.acquire({ points: 5 }, { onWait: (wait) => waits.push(wait) })))
    expect(performance.now() - started).toBeGreaterThan(450)
    expect(waits.length).toBeGreaterThan(0)
    expect(waits.every(({ reason, waitMs }) => reason === 'points' && waitMs > 0 && waitMs <= 500)).toBe(true)
  })

  it('holds several limits on creation, while reading goes on', async () => {
    const [one, two] = shared({ creations: [{ amount: 2, intervalMs: 60_000 }, { amount: 50, intervalMs: 60_000 }], points: { amount: 100, intervalMs: 1000 } })
    await one!.acquire({ creates: true }, {})
    await two!.acquire({ creates: true }, {})
    const controller = new AbortController()
    let waited: BudgetWait | undefined
    const third = two!.acquire({ creates: true }, { signal: controller.signal, onWait: (wait) => { waited = wait; controller.abort() } })
    await expect(third).rejects.toSatisfy((error) => SaddleError.is(error) && error.code === 'ABORTED')
    expect(waited?.reason).toBe('creation')
    expect(waited?.waitMs).toBeGreaterThan(20_000)
    await one!.acquire({}, {})
  })

  it('holds for two processes together', async () => {
    const child = fileURLToPath(new URL('budget-child.mjs', import.meta.url))
    const intervalMs = 2000
    const options = { identity: 'two processes', concurrency: 3, creations: [{ amount: 10, intervalMs }] }
    const job = JSON.stringify({ url: redis.url, options, draws: 10, holdMs: 20 })
    const children = [1, 2].map(() => spawn(process.execPath, [child, job], { stdio: ['pipe', 'pipe', 'inherit'] }))
    const lines = children.map(({ stdout }) => createInterface(stdout)[Symbol.asyncIterator]())
    for (const line of lines) expect((await line.next()).value).toBe('"ready"')
    for (const { stdin } of children) stdin.write('go\n')
    const shares = await Promise.all(lines.map(async (line) => JSON.parse((await line.next()).value as string) as { from: number; to: number }[]))
    const all = shares.flat().sort((a, b) => a.from - b.from)
    expect(all).toHaveLength(20)
    // Ten at once, the others one by one as the bucket fills; a share may be told of a little late, never early.
    expect(all.at(-1)!.from - all[0]!.from).toBeGreaterThan(intervalMs * 0.9)
    for (const { from } of all) expect(all.filter((other) => other.from <= from && other.to > from).length).toBeLessThanOrEqual(3)
  })

  it('is kept to what the server tells of its bucket, by all who share it', async () => {
    const [one, two] = shared({})
    one!.learn({ rate: { amount: 4, intervalMs: 60_000 }, left: 2 })
    await expect.poll(async () => (await new Promise<string>((resolve) => {
      const controller = new AbortController()
      two!.acquire({}, { signal: controller.signal, onWait: ({ reason }) => { resolve(reason); controller.abort() } }).then(() => resolve('free'), () => {})
    }))).toBe('points')
  })

  it('lets who is cancelled go at once, also behind somebody who waits', async () => {
    const [one] = shared({ points: { amount: 1, intervalMs: 60_000 } })
    await one!.acquire({}, {})
    const first = new AbortController()
    const second = new AbortController()
    const waiting = [one!.acquire({}, { signal: first.signal }), one!.acquire({}, { signal: second.signal })]
    second.abort()
    await expect(waiting[1]).rejects.toMatchObject({ code: 'ABORTED' })
    first.abort()
    await expect(waiting[0]).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('makes everybody pause when one was told to', async () => {
    const [one, two] = shared({ concurrency: 5 })
    one!.pause(300)
    const waits: BudgetWait[] = []
    await expect.poll(async () => (await two!.acquire({}, { onWait: (wait) => waits.push(wait) })) && waits[0]?.reason).toBe('told')
    expect(waits[0]!.waitMs).toBeLessThanOrEqual(300)
  })

  it('stores no identity, and keeps different ones apart', async () => {
    const [first] = shared({ concurrency: 1 })
    const [second] = shared({ concurrency: 1 })
    await first!.acquire({}, {})
    await second!.acquire({}, {})
    const reader = new Redis(redis.url)
    expect((await reader.keys('*')).join()).not.toContain('token')
    reader.disconnect()
    expect(() => processes[0]!.budget({ identity: 'x', concurrency: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })
})
