import { describe, expect, it } from 'vitest'
import { emptyCounts, overallPercentage, secondsLeft, workDone, type BulkRecord } from './record.ts'

const start = Date.UTC(2024, 0, 1)
const record = (change: Partial<BulkRecord>): BulkRecord => ({
  id: 'b', label: 'PRJ', status: 'in_progress', createdAt: '', updatedAt: '', bytes: 0, revision: 1,
  counts: emptyCounts(),
  work: { total: 1000, done: 250 },
  run: { startedAt: new Date(start).toISOString(), workDone: 50 },
  ...change,
})

describe('secondsLeft', () => {
  it('goes by the speed of the latest run', () => {
    // 200 units in 10 seconds, 750 are left
    expect(secondsLeft(record({}), start + 10_000)).toBe(38)
  })

  it('is never less than the target lets repositories be created', () => {
    const counts = { ...emptyCounts(), pending: 1500 }
    // (1500 - 500) at 500 an hour
    const creationLimits = [{ amount: 80, intervalMs: 60_000 }, { amount: 500, intervalMs: 3_600_000 }]
    expect(secondsLeft(record({ counts, creationLimits }), start + 10_000)).toBe(7200)
    expect(secondsLeft(record({ counts }), start + 10_000)).toBe(38)
  })

  it('says nothing without anything to judge by, or after the end', () => {
    expect(secondsLeft(record({ work: { total: 1000, done: 50 } }), start + 10_000)).toBeUndefined()
    expect(secondsLeft(record({ endedAt: 'x' }), start + 10_000)).toBeUndefined()
    const { run: _run, ...waiting } = record({})
    expect(secondsLeft(waiting, start)).toBeUndefined()
  })
})

describe('overallPercentage', () => {
  it('keeps 100 for the end', () => {
    expect(overallPercentage({ status: 'in_progress', work: { total: 3, done: 1 } })).toBe(33)
    expect(overallPercentage({ status: 'in_progress', work: { total: 3, done: 3 } })).toBe(99)
    expect(overallPercentage({ status: 'completed', work: { total: 3, done: 3 } })).toBe(100)
    expect(overallPercentage({ status: 'pending', work: { total: 0, done: 0 } })).toBe(0)
  })
})

describe('workDone', () => {
  it('counts what has ended in full, whatever became of it', () => {
    expect(workDone({ status: 'in_progress', weight: 200, percentage: 33 })).toBe(66)
    expect(workDone({ status: 'failed', weight: 200, percentage: 33 })).toBe(200)
  })
})
