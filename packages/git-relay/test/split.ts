/** A stream of the given bytes, in pieces that end at the given offsets. */
export async function* pieces(bytes: Buffer, ...ends: number[]): AsyncGenerator<Buffer, void, void> {
  let at = 0
  for (const end of [...ends, bytes.length]) {
    yield bytes.subarray(at, end)
    at = end
  }
}

/** The same bytes in every way in which two pieces can carry them, and byte by byte. */
export function* everySplit(bytes: Buffer): Generator<AsyncGenerator<Buffer, void, void>> {
  for (let end = 0; end <= bytes.length; end++) yield pieces(bytes, end)
  yield pieces(bytes, ...bytes.keys())
}

/** One packet of a band of a multiplexed stream. */
export function band(number: number, data: string | Buffer): Buffer {
  const payload = Buffer.concat([Buffer.from([number]), Buffer.from(data)])
  return Buffer.concat([Buffer.from((payload.length + 4).toString(16).padStart(4, '0')), payload])
}

/** Packets of the given lines as they are; the special packets are given by their digits. */
export function pkts(...lines: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    lines.map((line) => {
      if (line === '0000' || line === '0001' || line === '0002') return Buffer.from(line)
      const data = Buffer.from(line)
      return Buffer.concat([Buffer.from((data.length + 4).toString(16).padStart(4, '0')), data])
    }),
  )
}
