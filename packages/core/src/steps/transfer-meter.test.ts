import { expect, it } from 'vitest'
import type { TransferEvent } from '../events.ts'
import type { TransferProgress } from '../git/backend.ts'
import { TransferMeter } from './transfer-meter.ts'

function metered(size?: number) {
  const events: TransferEvent[] = []
  let now = 0
  const meter = new TransferMeter((event) => events.push(event), size, () => now)
  return {
    meter,
    events,
    at: (milliseconds: number, progress: TransferProgress) => {
      now = milliseconds
      meter.report(progress)
    },
  }
}
const streaming = (bytes: number): TransferProgress => ({ phase: 'streaming', bytes, objects: 0, totalObjects: 1000 })

it('reports at most four times a second, however often a backend does', () => {
  const { events, at } = metered()
  for (let now = 0; now < 1000; now += 10) at(now, streaming(now))
  expect(events).toHaveLength(4)
})

it('tells a rate, and what is left of a known size', () => {
  const { events, at } = metered(100_000)
  for (let now = 0; now <= 5000; now += 250) at(now, streaming(now * 10))
  expect(events.at(-1)).toMatchObject({ bytes: 50_000, bytesPerSecond: 10_000, secondsLeft: 5, objects: 500, totalObjects: 1000 })
})

it('approaches the end without passing it when the size was underestimated', () => {
  const { events, at } = metered(1000)
  at(0, streaming(900))
  at(1000, streaming(5000))
  at(2000, streaming(500_000))
  const objects = events.map((event) => event.objects)
  expect(objects).toEqual([...objects].sort((a, b) => a - b))
  expect(objects.at(-1)).toBeLessThanOrEqual(1000)
})

it('says at the end what was sent in all, once', () => {
  const { meter, events, at } = metered()
  at(0, { phase: 'counting', bytes: 0, objects: 12, totalObjects: 12 })
  at(10, streaming(500))
  meter.end(900, 12)
  meter.end(900, 12)
  expect(events.map(({ phase, bytes, objects }) => [phase, bytes, objects])).toEqual([['counting', 0, 12], ['streaming', 900, 12]])
})

it('takes a count that a backend has, and shows a new phase soon', () => {
  const { events, at } = metered()
  at(0, { phase: 'counting', bytes: 0, objects: 10, totalObjects: 40 })
  at(100, { phase: 'indexing', bytes: 700, objects: 30, totalObjects: 40 })
  expect(events.map(({ phase, objects }) => [phase, objects])).toEqual([['counting', 10], ['indexing', 30]])
})

it('knows no share without a total', () => {
  const { events, at } = metered()
  at(0, { phase: 'counting', bytes: 0, objects: 7, message: 'Enumerating objects' })
  expect(events).toEqual([{ type: 'transfer', phase: 'counting', bytes: 0, objects: 7, bytesPerSecond: 0, message: 'Enumerating objects' }])
})
