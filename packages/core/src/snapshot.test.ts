import { describe, expect, it } from 'vitest'
import type { ProgressEvent, ProgressEventBody } from './events.ts'
import { stepNames } from './record.ts'
import { emptySnapshot, reduce, type MigrationSnapshot } from './snapshot.ts'

let seq = 0
const event = (body: ProgressEventBody): ProgressEvent => ({ migrationId: 'm', seq: ++seq, at: '2024-05-01T10:00:00.000Z', ...body })
const fold = (bodies: ProgressEventBody[], from = emptySnapshot()): MigrationSnapshot => bodies.reduce((snapshot, body) => reduce(snapshot, event(body)), from)
const total = stepNames.length
const stepStart = (index: number): ProgressEventBody => ({ type: 'step-start', step: stepNames[index - 1]!, index, total })
const stepEnd = (index: number, outcome: 'done' | 'failed' = 'done'): ProgressEventBody =>
  ({ type: 'step-end', step: stepNames[index - 1]!, index, total, durationMs: 1, outcome })
const transfer = (objects: number, phase: 'lfs' | 'counting' | 'streaming' | 'indexing' = 'streaming'): ProgressEventBody =>
  ({ type: 'transfer', phase, bytes: objects * 10, objects, totalObjects: 100, bytesPerSecond: 1000, secondsLeft: 3 })
const start: ProgressEventBody = { type: 'migration-start', source: 'P/s', target: 'o/n', resumed: false }
const startAgain: ProgressEventBody = { ...start, resumed: true }

describe('reduce', () => {
  it('is pure', () => {
    const before = fold([start, stepStart(1)])
    const copy = structuredClone(before)
    reduce(before, event(transfer(50)))
    expect(before).toEqual(copy)
  })

  it('goes from 0 to 100 with the transfer as its largest part, and never back', () => {
    const bodies = [
      start, stepStart(1), stepEnd(1), stepStart(2), stepEnd(2), stepStart(3), transfer(40, 'lfs'), stepEnd(3), stepStart(4), transfer(10, 'counting'), transfer(0), transfer(50),
      transfer(100), transfer(20, 'indexing'), transfer(100, 'indexing'), stepEnd(4), stepStart(5), stepEnd(5), stepStart(6), stepEnd(6),
      stepStart(7), stepEnd(7),
    ]
    const seen: number[] = []
    let snapshot = emptySnapshot()
    for (const body of bodies) {
      snapshot = fold([body], snapshot)
      seen.push(snapshot.percentage)
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(snapshot).toMatchObject({ percentage: 99, stepsCompleted: 7, totalSteps: 7, status: 'in_progress' })
    expect(fold([start, stepStart(4), transfer(50)]).percentage).toBeGreaterThan(40)
    snapshot = fold([{ type: 'migration-end', status: 'completed', durationMs: 1 }], snapshot)
    expect(snapshot).toMatchObject({ percentage: 100, status: 'completed', endedAt: '2024-05-01T10:00:00.000Z' })
  })

  it('keeps the percentage when a transfer begins again, and across runs', () => {
    const far = fold([start, stepStart(4), transfer(90)])
    expect(fold([transfer(0, 'counting')], far).percentage).toBe(far.percentage)
    expect(fold([startAgain, stepStart(1)], far)).toMatchObject({ percentage: far.percentage, stepsCompleted: 0, status: 'in_progress' })
  })

  it('does not show a rate once nothing streams', () => {
    const during = fold([start, stepStart(4), transfer(50)])
    expect(during).toMatchObject({ bytesPerSecond: 1000, secondsLeft: 3, phase: 'streaming' })
    const after = fold([stepEnd(3)], during)
    expect(after).toMatchObject({ bytes: 500, objects: 50 })
    for (const field of ['bytesPerSecond', 'secondsLeft', 'phase']) expect(after).not.toHaveProperty(field)
  })

  it('counts losses and keeps the failure until somebody resumes', () => {
    const error = { code: 'NETWORK', message: 'The cable is out.', retryable: true } as const
    const failed = fold([
      start, stepStart(1), { type: 'loss', loss: { kind: 'topic', subject: 's', reason: 'r' } }, stepEnd(1, 'failed'),
      { type: 'migration-end', status: 'failed', durationMs: 1, error },
    ])
    expect(failed).toMatchObject({ status: 'failed', error, message: 'The cable is out.', losses: 1, stepsCompleted: 0 })
    const resumed = fold([startAgain], failed)
    expect(resumed).not.toHaveProperty('error')
    expect(resumed).not.toHaveProperty('endedAt')
  })
})
