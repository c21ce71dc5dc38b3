import { expect, test } from 'vitest'
import { SafeEmitter } from './emitter.ts'

class Bell extends SafeEmitter<{ ring: number; stop: string }> {
  ring(times: number): boolean {
    return this.emit('ring', times)
  }
}

test('a listener that throws or rejects harms neither the others nor the caller', async () => {
  const bell = new Bell()
  const heard: number[] = []
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  try {
    bell.on('ring', () => { throw new Error('sync') })
    bell.on('ring', async () => { throw new Error('async') })
    bell.on('ring', () => ({ then: (_: unknown, reject: (reason: unknown) => void) => reject(new Error('thenable')) }))
    bell.on('ring', () => ({ get then() { throw new Error('getter') } }))
    bell.on('ring', (times) => heard.push(times))
    expect(bell.ring(3)).toBe(true)
    await new Promise((resolve) => setImmediate(resolve))
    expect(heard).toEqual([3])
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})

test('once, off and the count work on the listeners as they were given', () => {
  const bell = new Bell()
  const heard: number[] = []
  const listener = (times: number) => void heard.push(times)
  bell.once('ring', listener)
  bell.ring(1)
  bell.ring(2)
  bell.on('ring', listener).on('ring', listener)
  expect(bell.listenerCount('ring')).toBe(2)
  bell.off('ring', listener)
  expect(bell.ring(3)).toBe(false)
  bell.on('ring', listener).off('ring')
  expect(bell.ring(4)).toBe(false)
  expect(heard).toEqual([1])
})
