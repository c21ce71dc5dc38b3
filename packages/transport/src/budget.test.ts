import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { HostBudget, type BudgetWait, type HostBudgetOptions } from './budget.ts'

/** A clock that moves when it is told to; sleepers wake in the order of their time. */
class FakeClock {
  #now = 0
  readonly #sleepers = new Set<{ at: number; wake: () => void }>()

  now = () => this.#now

  sleep = (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const sleeper = { at: this.#now + milliseconds, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper)
        reject(new DOMException('aborted', 'AbortError'))
      })
    })

  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    for (;;) {
      await turn()
      const [next] = [...this.#sleepers].sort((a, b) => a.at - b.at)
      if (!next || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      this.#sleepers.delete(next)
      next.wake()
    }
    this.#now = end
    await turn()
  }
}

function budgetOf(options: HostBudgetOptions) {
  const clock = new FakeClock()
  const budget = new HostBudget({ ...options, clock })
  const passed: string[] = []
  const waits: BudgetWait[] = []
  const ask = (name: string, cost = {}, signal?: AbortSignal) =>
    budget.acquire(cost, { signal, onWait: (wait) => void waits.push(wait) }).then((release) => {
      passed.push(name)
      return release
    })
  return { clock, budget, passed, waits, ask }
}

describe('concurrency', () => {
  test('lets so many through, the next in the order in which they asked', async () => {
    const { passed, ask, waits } = budgetOf({ concurrency: 2 })
    const first = await ask('a')
    const second = await ask('b')
    const others = [ask('c'), ask('d'), ask('e')]
    await turn()
    expect(passed).toEqual(['a', 'b'])
    expect(waits).toEqual(Array(3).fill({ reason: 'concurrency', waitMs: 0 }))
    second()
    ;(await others[0]!)()
    first()
    await Promise.all(others)
    expect(passed).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('a release counts once', async () => {
    const { passed, ask } = budgetOf({ concurrency: 1 })
    const release = await ask('a')
    release()
    release()
    const second = await ask('b')
    void ask('c')
    await turn()
    expect(passed).toEqual(['a', 'b'])
    release()
    await turn()
    expect(passed).toEqual(['a', 'b'])
    second()
    await turn()
    expect(passed).toEqual(['a', 'b', 'c'])
  })

  test('who is cancelled leaves the line at once, and the next in line is not held up', async () => {
    const { passed, ask } = budgetOf({ concurrency: 1 })
    const release = await ask('a')
    const controller = new AbortController()
    const cancelled = ask('b', {}, controller.signal)
    const next = ask('c')
    controller.abort('enough')
    await expect(cancelled).rejects.toMatchObject({ code: 'ABORTED' })
    release()
    await next
    expect(passed).toEqual(['a', 'c'])
  })

  test('a signal that has fired takes nothing', async () => {
    const { ask } = budgetOf({ concurrency: 1 })
    await expect(ask('a', {}, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' })
    await ask('b')
  })

  test.each([0, -1, Number.NaN])('a bound of %s is refused: nothing would ever pass', (concurrency) => {
    expect(() => new HostBudget({ concurrency })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })
})

describe('points', () => {
  test('are spent as a burst, then come back continuously', async () => {
    const { clock, passed, ask, waits } = budgetOf({ points: { amount: 10, intervalMs: 1000 } })
    await Promise.all([ask('a', { points: 5 }), ask('b', { points: 5 })])
    void ask('c', { points: 5 })
    void ask('d', { points: 1 })
    await clock.advance(499)
    expect(passed).toEqual(['a', 'b'])
    await clock.advance(1)
    expect(passed).toEqual(['a', 'b', 'c'])
    await clock.advance(100)
    expect(passed).toEqual(['a', 'b', 'c', 'd'])
    expect(waits[0]).toEqual({ reason: 'points', waitMs: 500 })
  })

  test('nobody overtakes who waits for many', async () => {
    const { clock, passed, ask } = budgetOf({ points: { amount: 10, intervalMs: 1000 } })
    await ask('a', { points: 10 })
    void ask('many', { points: 10 })
    void ask('few', { points: 1 })
    await clock.advance(900)
    expect(passed).toEqual(['a'])
    await clock.advance(200)
    expect(passed).toEqual(['a', 'many', 'few'])
  })

  test('a request dearer than the whole bucket waits for a full one', async () => {
    const { clock, passed, ask } = budgetOf({ points: { amount: 10, intervalMs: 1000 } })
    await ask('a', { points: 10 })
    void ask('dear', { points: 50 })
    await clock.advance(1000)
    expect(passed).toEqual(['a', 'dear'])
  })

  test('a cancelled wait ends at once, gives back its place and lets the next one look', async () => {
    const { clock, passed, ask } = budgetOf({ concurrency: 3, points: { amount: 10, intervalMs: 1000 } })
    const release = await ask('a', { points: 10 })
    const controller = new AbortController()
    const first = ask('b', { points: 10 }, controller.signal)
    const second = ask('c', { points: 10 }, controller.signal)
    await turn()
    controller.abort()
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' })
    release()
    void ask('d', { points: 1 })
    void ask('e', { points: 1 })
    void ask('f', { points: 1 })
    await clock.advance(300)
    expect(passed).toEqual(['a', 'd', 'e', 'f'])
  })
})

describe('creation', () => {
  const creations = [{ amount: 2, intervalMs: 1000 }, { amount: 3, intervalMs: 60_000 }]

  test('obeys all its limits, and reading goes on meanwhile', async () => {
    const { clock, passed, ask, waits } = budgetOf({ concurrency: 2, creations })
    for (const name of ['a', 'b', 'c', 'd']) void ask(name, { creates: true }).then((release) => release())
    await turn()
    expect(passed).toEqual(['a', 'b'])
    const read = await ask('read')
    read()
    await clock.advance(500)
    expect(passed).toEqual(['a', 'b', 'read', 'c'])
    await clock.advance(18_000)
    expect(passed).toHaveLength(4)
    await clock.advance(1500)
    expect(passed).toEqual(['a', 'b', 'read', 'c', 'd'])
    expect(waits.every(({ reason }) => reason === 'creation')).toBe(true)
  })
})

describe('a pause', () => {
  test('holds everybody back, also who is already waiting, and the longest one counts', async () => {
    const { clock, budget, passed, ask, waits } = budgetOf({ points: { amount: 1, intervalMs: 1000 } })
    await ask('a')
    void ask('b')
    await turn()
    budget.pause(5000)
    budget.pause(2000)
    await clock.advance(4999)
    expect(passed).toEqual(['a'])
    await clock.advance(1)
    expect(passed).toEqual(['a', 'b'])
    expect(waits.map(({ reason }) => reason)).toEqual(['points', 'told'])
  })

  test.each([0, -5, Number.NaN])('of %s is none', async (milliseconds) => {
    const { budget, ask } = budgetOf({})
    budget.pause(milliseconds)
    await ask('a')
  })
})

test('the real clock waits, and its waits can be cancelled', async () => {
  const budget = new HostBudget()
  budget.pause(3_600_000)
  const controller = new AbortController()
  const waiting = budget.acquire({}, { signal: controller.signal, onWait: () => controller.abort() })
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
})

describe('what a server tells of its bucket', () => {
  test('is kept to before the server has to refuse anything', async () => {
    const { clock, budget, passed, ask, waits } = budgetOf({ concurrency: 5 })
    budget.learn({ rate: { amount: 10, intervalMs: 1000 }, left: 2 })
    for (const name of ['a', 'b', 'c', 'd']) void ask(name).then((release) => release())
    await turn()
    expect(passed).toEqual(['a', 'b'])
    await clock.advance(200)
    expect(passed).toEqual(['a', 'b', 'c', 'd'])
    expect(waits[0]).toEqual({ reason: 'points', waitMs: 100 })
  })

  test('lowers what is known when others draw from it, and raises it never: answers come late', async () => {
    const { budget, passed, ask } = budgetOf({ points: { amount: 4, intervalMs: 1000 } })
    await ask('a')
    budget.learn({ rate: { amount: 4, intervalMs: 1000 }, left: 1 })
    budget.learn({ rate: { amount: 4, intervalMs: 1000 }, left: 4 })
    await ask('b')
    void ask('c')
    await turn()
    expect(passed).toEqual(['a', 'b'])
  })

  test('gives way to what is known beforehand where it is assumed only', async () => {
    const slow = { rate: { amount: 1, intervalMs: 60_000 }, left: 0, assumed: true }
    const known = budgetOf({ points: { amount: 2, intervalMs: 1000 } })
    known.budget.learn(slow)
    await known.ask('a')
    const unknown = budgetOf({})
    unknown.budget.learn(slow)
    void unknown.ask('a')
    await turn()
    expect([known.passed, unknown.passed]).toEqual([['a'], []])
  })

  test('replaces what was known when it changes, also for who is waiting', async () => {
    const { clock, budget, passed, ask } = budgetOf({ points: { amount: 1, intervalMs: 1000 } })
    await ask('a')
    void ask('b')
    await turn()
    budget.learn({ rate: { amount: 100, intervalMs: 1000 } })
    await clock.advance(1000)
    for (const name of ['c', 'd', 'e']) await ask(name)
    expect(passed).toEqual(['a', 'b', 'c', 'd', 'e'])
    budget.learn({ rate: { amount: Number.NaN, intervalMs: 0 } })
    await ask('f')
  })
})
