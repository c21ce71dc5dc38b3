import { describe, expect, it } from 'vitest'
import { band, everySplit, pieces, pkts } from '../test/split.ts'
import { PktReader } from './pkt-line.ts'
import { sidebandData, type SidebandHandlers } from './sideband.ts'

const stream = Buffer.concat([band(2, 'Counting'), band(1, 'PACK'), band(1, ''), band(2, ' objects\n'), band(1, 'data'), pkts('0000')])

async function read(bytes: AsyncIterable<Buffer>, handlers: Partial<SidebandHandlers> = {}): Promise<{ data: string; text: string }> {
  let [data, text] = ['', '']
  const all: SidebandHandlers = {
    onText: (piece) => (text += piece.toString()),
    onError: (piece) => new Error(`given up: ${piece.toString()}`),
    onTruncated: () => new Error('cut short'),
    ...handlers,
  }
  for await (const piece of sidebandData(new PktReader(bytes), all)) data += piece.toString()
  return { data, text }
}

describe('a multiplexed stream', () => {
  it('is taken apart wherever it is split', async () => {
    for (const bytes of everySplit(stream)) expect(await read(bytes)).toEqual({ data: 'PACKdata', text: 'Counting objects\n' })
  })

  it('passes data on as views of what arrived', async () => {
    for await (const piece of sidebandData(new PktReader(pieces(stream)), { onText: () => undefined, onError: () => new Error(), onTruncated: () => new Error() })) {
      expect(piece.buffer).toBe(stream.buffer)
    }
  })

  it('is not whole without its flush packet, wherever it ends', async () => {
    for (let end = 0; end <= stream.length - 4; end++) await expect(read(pieces(stream.subarray(0, end)))).rejects.toThrow(/cut short|ended in the middle/)
  })

  it('counts keep-alives as a sign of life', async () => {
    let alive = 0
    await read(pieces(Buffer.concat([band(1, ''), band(1, ''), pkts('0000')])), { onActivity: () => alive++ })
    expect(alive).toBe(3)
  })

  it('ends with what the server says when it gives up', async () => {
    await expect(read(pieces(Buffer.concat([band(1, 'PACK'), band(3, 'out of memory'), pkts('0000')])))).rejects.toThrow('given up: out of memory')
  })

  it.each([band(4, 'x'), band(0, 'x'), pkts(''), pkts('0001')])('refuses what is no band: %s', async (bytes) => {
    await expect(read(pieces(bytes))).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
  })
})
