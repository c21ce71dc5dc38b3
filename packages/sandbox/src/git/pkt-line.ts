/** The flush packet, which ends a section (git's gitprotocol-common). */
export const flush = Buffer.from('0000')

/** One packet: four hexadecimal digits of length, those included, then the payload. */
export function packet(payload: string | Buffer): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body])
}

/** What `readPackets` found: the payloads in front of the first flush, and where the bytes behind it begin. */
export interface PacketSection {
  readonly payloads: Buffer[]
  readonly end: number
}

/**
 * Reads packets up to the first flush packet.
 * @returns undefined when the flush has not come yet.
 * @throws Error on bytes that are no packets.
 */
export function readPackets(bytes: Buffer, from = 0): PacketSection | undefined {
  const payloads: Buffer[] = []
  let at = from
  while (at + 4 <= bytes.length) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 4), 16)
    if (length === 0) return { payloads, end: at + 4 }
    if (Number.isNaN(length) || length < 4) throw new Error('not a packet line')
    if (at + length > bytes.length) return undefined
    payloads.push(bytes.subarray(at + 4, at + length))
    at += length
  }
  return undefined
}

/** The largest payload of a side-band-64k packet, the band's own byte not counted. */
const bandLimit = 65_515

/** Packets of one side band: 1 data, 2 progress, 3 error. */
export function sideband(band: 1 | 2 | 3, payload: string | Buffer): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  const packets: Buffer[] = []
  for (let at = 0; at < body.length; at += bandLimit) {
    packets.push(packet(Buffer.concat([Buffer.from([band]), body.subarray(at, at + bandLimit)])))
  }
  return Buffer.concat(packets)
}
