import { describe, expect, it } from 'vitest'
import { everySplit, pieces, pkts } from '../test/split.ts'
import { pktBytes, pktLine, PktReader, pktText } from './pkt-line.ts'

async function readAll(reader: PktReader): Promise<unknown[]> {
  const seen: unknown[] = []
  for (let pkt = await reader.read(); pkt !== undefined; pkt = await reader.read()) seen.push(pkt instanceof Buffer ? pktText(pkt) : pkt)
  return seen
}

describe('writing', () => {
  it('counts the digits of the length, and adds a newline to a line', () => {
    expect(pktLine('done')).toBe('0009done\n')
    expect(pktBytes(Buffer.from('done')).toString()).toBe('0008done')
    expect(pktLine('a'.repeat(250)).slice(0, 4)).toBe('00ff')
  })

  it('refuses a line that no packet can carry', () => {
    expect(pktBytes(Buffer.alloc(65_516))).toHaveLength(65_520)
    expect(() => pktBytes(Buffer.alloc(65_517))).toThrow('longer than git can send')
  })
})

describe('reading', () => {
  it('takes packets apart wherever the stream is split', async () => {
    const bytes = pkts('one\n', '0001', '', 'two', '0002', '0000', 'three\n')
    for (const stream of everySplit(bytes)) {
      expect(await readAll(new PktReader(stream))).toEqual(['one', 'delim', '', 'two', 'response-end', 'flush', 'three'])
    }
  })

  it('hands out views of what arrived, not copies', async () => {
    const bytes = pkts('0123456789')
    const reader = new PktReader(pieces(bytes))
    expect(await reader.length()).toBe(10)
    const piece = await reader.piece(4)
    expect(piece.toString()).toBe('0123')
    expect(piece.buffer).toBe(bytes.buffer)
    expect((await reader.piece(100)).toString()).toBe('456789')
  })

  it('ends where the stream ends between two packets, and fails in the middle of one', async () => {
    const bytes = pkts('one\n', 'two\n')
    for (let end = 0; end < bytes.length; end++) {
      const reading = readAll(new PktReader(pieces(bytes.subarray(0, end))))
      if (end === 0 || end === 8) await expect(reading).resolves.toHaveLength(end / 8)
      else await expect(reading).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', retryable: true })
    }
  })

  it.each(['<!DO', '0003', 'fff5', '-001', ' 12a', '0x1f'])('refuses %j as a length', async (digits) => {
    await expect(readAll(new PktReader(pieces(Buffer.from(`${digits}CTYPE html>`))))).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
  })

  it('stops at its limit', async () => {
    const endless = (async function* () {
      for (;;) yield pkts('again and again')
    })()
    await expect(readAll(new PktReader(endless, 1000))).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', context: { limitBytes: 1000 } })
  })
})
