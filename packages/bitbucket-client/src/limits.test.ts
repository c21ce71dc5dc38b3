import { expect, it } from 'vitest'
import { ServerLimit } from './limits.ts'

const minutes = (count: number) => performance.now() + count * 60_000 + 1000

it('halves what it assumes with each refusal, and doubles it after each minute without one, until it keeps nobody back', () => {
  const limit = new ServerLimit()
  const amountOf = (status: number, sentAt: number) => limit.of({ status, headers: {}, sentAt })?.rate.amount
  expect(amountOf(200, minutes(0))).toBeUndefined()
  expect(amountOf(429, performance.now())).toBe(60)
  expect(amountOf(429, performance.now() + 1)).toBe(30)
  expect(amountOf(200, performance.now() + 50_000)).toBeUndefined()
  expect([1, 1.5, 2.1, 3.2, 4.3, 5.4, 6.5, 7.6].map((count) => amountOf(200, minutes(count)))).toEqual([60, undefined, 120, 240, 480, 960, undefined, undefined])
  expect(amountOf(429, minutes(8))).toBe(480)
})

it('assumes nothing where a server says how long to wait, or what its limit is', () => {
  const limit = new ServerLimit()
  const refused = { status: 429, sentAt: performance.now() }
  expect(limit.of({ ...refused, headers: { 'retry-after': '1' } })).toBeUndefined()
  const told = { 'x-ratelimit-limit': '100', 'x-ratelimit-fillrate': '10', 'x-ratelimit-interval-seconds': '1', 'x-ratelimit-remaining': '7' }
  expect(limit.of({ status: 200, sentAt: refused.sentAt, headers: told })).toEqual({ rate: { amount: 100, intervalMs: 10_000 }, left: 7 })
  expect(limit.of({ ...refused, headers: {} })).toBeUndefined()
  expect(limit.of({ status: 200, sentAt: minutes(5), headers: {} })).toBeUndefined()
})
