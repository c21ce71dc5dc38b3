import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { chunksOf } from './chunks.ts'

describe('chunksOf', () => {
  it('hands out what arrives as it arrived, without copying or joining it', async () => {
    const sent = Array.from({ length: 500 }, (_, index) => Buffer.alloc(1 + ((index * 7919) % 3000), index))
    const seen: Buffer[] = []
    for await (const chunk of chunksOf(Readable.from(sent, { objectMode: false }))) seen.push(chunk)
    expect(seen).toHaveLength(sent.length)
    expect(seen.every((chunk, index) => chunk === sent[index])).toBe(true)
  })

  it('lets in little more than it is asked for', async () => {
    let made = 0
    const source = new Readable({
      read() {
        made += 16 * 1024
        this.push(Buffer.alloc(16 * 1024))
      },
    })
    const chunks = chunksOf(source)
    for (let taken = 0; taken < 100; taken++) await chunks.next()
    await new Promise(setImmediate)
    expect(made).toBeLessThan((100 + 20) * 16 * 1024)
    await chunks.return()
    expect(source.destroyed).toBe(true)
  })

  it('throws what broke the stream after what arrived before', async () => {
    const source = new PassThrough()
    source.write('before')
    const chunks = chunksOf(source)
    expect(String((await chunks.next()).value)).toBe('before')
    source.destroy(new Error('broken'))
    await expect(chunks.next()).rejects.toThrow('broken')
  })

  it('does not take a stream that was cut off for one that ended', async () => {
    const source = new PassThrough()
    const chunks = chunksOf(source)
    const next = chunks.next()
    source.destroy()
    await expect(next).rejects.toThrow(/premature close/i)
  })
})
