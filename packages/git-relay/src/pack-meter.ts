import { createHash } from 'node:crypto'
import { SaddleError } from '@saddle/transport'
import type { ObjectFormat } from './refs.ts'

const headerLength = 12

/** Measures a pack as it passes: its bytes, and from its header (gitformat-pack) how many objects it holds. */
export class PackMeter {
  /** Bytes that have passed. */
  bytes = 0
  /** Objects that the pack holds; undefined until its header has passed. */
  objects: number | undefined
  readonly #header = Buffer.alloc(headerLength)

  /** @throws SaddleError `PACK_CORRUPT` when it does not begin as a pack of version 2 or 3 */
  add(piece: Buffer): void {
    if (this.bytes < headerLength) piece.copy(this.#header, this.bytes)
    this.bytes += piece.length
    if (this.objects !== undefined || this.bytes < headerLength) return
    const version = this.#header.readUInt32BE(4)
    if (this.#header.toString('latin1', 0, 4) !== 'PACK' || (version !== 2 && version !== 3)) {
      throw new SaddleError('PACK_CORRUPT', 'What the source sent does not begin as a pack; no ref was moved. Run `git fsck --full` on the source repository.')
    }
    this.objects = this.#header.readUInt32BE(8)
  }
}

/** How many objects a whole pack holds. */
export function objectsIn(pack: Uint8Array): number {
  const meter = new PackMeter()
  meter.add(Buffer.from(pack.buffer, pack.byteOffset, pack.byteLength))
  return meter.objects ?? 0
}

/** A pack without objects: what a push sends when the target has everything that its new refs need. */
export function emptyPack(format: ObjectFormat): Buffer {
  const header = Buffer.from('5041434b0000000200000000', 'hex')
  return Buffer.concat([header, createHash(format).update(header).digest()])
}
