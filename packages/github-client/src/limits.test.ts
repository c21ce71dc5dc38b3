import { describe, expect, it } from 'vitest'
import { limitWait } from './limits.ts'

const now = Date.UTC(2024, 0, 1)
const seconds = now / 1000
const answer = (status: number, headers: Record<string, string> = {}, message = '') => ({ status, headers, message })
const secondary = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.'

describe('limitWait', () => {
  it.each([
    ['a permission that is missing', answer(403, { 'x-ratelimit-remaining': '4999' }, 'Must have admin rights'), undefined],
    ['no refusal', answer(404, { 'retry-after': '5' }), undefined],
    ['a failing server', answer(503, { 'retry-after': '5' }), undefined],
  ])('is undefined for %s', (_what, refusal, wait) => {
    expect(limitWait(refusal, 0, now)).toBe(wait)
  })

  it('obeys retry-after before everything else, in seconds and as a date', () => {
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(seconds + 900) }
    expect(limitWait(answer(403, { ...headers, 'retry-after': '7' }, secondary), 0, now)).toBe(7000)
    expect(limitWait(answer(429, { 'retry-after': 'Mon, 01 Jan 2024 00:00:30 GMT' }), 0, now)).toBe(30_000)
  })

  it('waits for the reset of an exhausted primary limit, and a second more', () => {
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(seconds + 90) }
    expect(limitWait(answer(403, headers, 'API rate limit exceeded'), 0, now)).toBe(91_000)
    expect(limitWait(answer(403, { ...headers, 'x-ratelimit-reset': String(seconds - 90) }), 0, now)).toBe(1000)
  })

  it('waits a minute and then longer when a secondary limit names no time', () => {
    const refusal = answer(403, { 'x-ratelimit-remaining': '4000' }, secondary)
    expect([0, 1, 2].map((refusals) => limitWait(refusal, refusals, now))).toEqual([60_000, 120_000, 240_000])
    expect(limitWait(answer(429, { 'retry-after': 'soon' }), 0, now)).toBe(60_000)
    expect(limitWait(answer(403, {}, 'You have triggered an abuse detection mechanism'), 0, now)).toBe(60_000)
  })
})
