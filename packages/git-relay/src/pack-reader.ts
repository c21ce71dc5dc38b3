import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import { SaddleError } from '@saddle/transport'

/** An object of a pack, with its deltas resolved. */
export interface PackObject {
  type: 'commit' | 'tree' | 'blob' | 'tag'
  /** Lower-case hex. */
  oid: string
  data: Buffer
}

/** Options of {@link readPack}. */
export interface ReadPackOptions {
  objectFormat?: 'sha1' | 'sha256'
  /** The largest object that is accepted, in bytes, since each is held in memory; 16 MiB by default. */
  objectLimit?: number
  /** About how much memory may hold objects for later deltas to build on, in bytes; 128 MiB by default. */
  memoryLimit?: number
}

const plainTypes: Record<number, PackObject['type']> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' }
const offsetDelta = 6
const refDelta = 7

/**
 * Reads the objects of a pack that is known to be small: commits alone (`filter tree:0`) or small blobs alone
 * (`filter blob:limit`). Objects stay in memory as possible bases of later deltas, the newest as far as `memoryLimit`
 * reaches; packs that are only passed on are never read this way.
 *
 * The format is git's `gitformat-pack`. The checksum at the end is verified before the generator ends.
 *
 * @throws PACK_CORRUPT for anything that is not a complete, sound pack whose deltas are based on objects within it;
 * PACK_TOO_LARGE when a delta is based on an object that `memoryLimit` had no room for
 */
export async function* readPack(chunks: AsyncIterable<Uint8Array>, options: ReadPackOptions = {}): AsyncGenerator<PackObject> {
  const { objectFormat = 'sha1', objectLimit = 16 * 1024 * 1024, memoryLimit = 128 * 1024 * 1024 } = options
  const input = new PackInput(chunks, objectFormat)
  try {
    yield* objectsOf(input, { objectFormat, objectLimit, memoryLimit })
  } finally {
    await input.close()
  }
}

async function* objectsOf(input: PackInput, { objectFormat, objectLimit, memoryLimit }: Required<ReadPackOptions>): AsyncGenerator<PackObject> {
  const hashSize = objectFormat === 'sha1' ? 20 : 32
  const bases = new Bases(memoryLimit)
  const header = await input.take(12)
  if (header.toString('latin1', 0, 4) !== 'PACK' || ![2, 3].includes(header.readUInt32BE(4))) throw corrupt('it does not begin as a pack')
  for (let left = header.readUInt32BE(8); left > 0; left--) {
    const offset = input.offset
    const { type, size } = await objectHeader(input)
    if (size > objectLimit) throw corrupt(`it holds an object of ${size} bytes where small ones were asked for`)
    let base: PackObject | undefined
    if (type === offsetDelta) base = bases.at(offset - (await baseDistance(input)))
    if (type === refDelta) base = bases.named((await input.take(hashSize)).toString('hex'))
    const content = await input.inflate(size)
    const plain = plainTypes[type]
    if (!plain && !base) throw bases.areAll ? corrupt('it holds a delta whose base it does not hold') : outOfMemory(memoryLimit)
    const object = plain ? identify(plain, content, objectFormat) : identify(base!.type, applyDelta(base!.data, content), objectFormat)
    bases.add(offset, object)
    yield object
  }
  await input.verifyChecksum(hashSize)
  // What follows the pack tells whether the sender takes it for whole.
  await input.end()
}

/** What a small object takes in memory besides its bytes, about. */
const overhead = 400

/** The objects that later ones can build on: the newest, as far as the memory for them reaches. */
class Bases {
  /** Whether none had to be let go of. */
  areAll = true
  readonly #limit: number
  readonly #byOffset = new Map<number, PackObject>()
  readonly #byOid = new Map<string, PackObject>()
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  at(offset: number): PackObject | undefined {
    return this.#byOffset.get(offset)
  }

  named(oid: string): PackObject | undefined {
    return this.#byOid.get(oid)
  }

  add(offset: number, object: PackObject): void {
    this.#byOffset.set(offset, object)
    this.#byOid.set(object.oid, object)
    this.#bytes += object.data.length + overhead
    // A map keeps the order in which it was filled.
    for (const [oldest, { oid, data }] of this.#byOffset) {
      if (this.#bytes <= this.#limit) return
      this.#byOffset.delete(oldest)
      this.#byOid.delete(oid)
      this.#bytes -= data.length + overhead
      this.areAll = false
    }
  }
}

function identify(type: PackObject['type'], data: Buffer, objectFormat: string): PackObject {
  return { type, data, oid: createHash(objectFormat).update(`${type} ${data.length}\0`).update(data).digest('hex') }
}

/** Type in bits 4-6 of the first byte, size in its low 4 bits and then 7 bits a byte, least significant first. */
async function objectHeader(input: PackInput): Promise<{ type: number; size: number }> {
  let byte = await input.byte()
  const type = (byte >> 4) & 7
  let size = byte & 15
  for (let factor = 16; byte & 0x80; factor *= 128) {
    byte = await input.byte()
    size += (byte & 0x7f) * factor
  }
  return { type, size }
}

/** 7 bits a byte, most significant first, with one added at each continuation. */
async function baseDistance(input: PackInput): Promise<number> {
  let byte = await input.byte()
  let distance = byte & 0x7f
  while (byte & 0x80) {
    byte = await input.byte()
    distance = (distance + 1) * 128 + (byte & 0x7f)
  }
  return distance
}

function applyDelta(base: Buffer, delta: Buffer): Buffer {
  let at = 0
  const next = (): number => {
    const byte = delta[at++]
    if (byte === undefined) throw corrupt('a delta ends early')
    return byte
  }
  const size = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = next()
      value += (byte & 0x7f) * factor
      if (!(byte & 0x80)) return value
    }
  }
  if (size() !== base.length) throw corrupt('a delta does not fit its base')
  const result = Buffer.alloc(size())
  let written = 0
  while (at < delta.length) {
    const instruction = next()
    if (instruction & 0x80) {
      let from = 0
      let length = 0
      for (let bit = 0; bit < 4; bit++) if (instruction & (1 << bit)) from += next() * 256 ** bit
      for (let bit = 0; bit < 3; bit++) if (instruction & (16 << bit)) length += next() * 256 ** bit
      length ||= 0x10000
      if (from + length > base.length || written + length > result.length) throw corrupt('a delta copies from outside its base')
      written += base.copy(result, written, from, from + length)
    } else {
      if (instruction === 0 || at + instruction > delta.length || written + instruction > result.length) throw corrupt('a delta is malformed')
      written += delta.copy(result, written, at, at + instruction)
      at += instruction
    }
  }
  if (written !== result.length) throw corrupt('a delta ends early')
  return result
}

/** The bytes of a pack as they come, with a window that holds no more than the object at hand needs. */
class PackInput {
  /** Bytes consumed since the beginning of the pack. */
  offset = 0
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #hash: ReturnType<typeof createHash>
  #window: Buffer = Buffer.alloc(0)
  #ended = false

  constructor(chunks: AsyncIterable<Uint8Array>, objectFormat: string) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#hash = createHash(objectFormat)
  }

  async byte(): Promise<number> {
    if (this.#window.length === 0) await this.#fill(1)
    const byte = this.#window[0]
    if (byte === undefined) throw corrupt('it ends early')
    this.#consume(1)
    return byte
  }

  async take(length: number): Promise<Buffer> {
    await this.#fill(length)
    if (this.#window.length < length) throw corrupt('it ends early')
    const bytes = this.#window.subarray(0, length)
    this.#consume(length)
    return bytes
  }

  /** Inflates one zlib stream that is known to give `size` bytes. */
  async inflate(size: number): Promise<Buffer> {
    // zlib's own bound for data that does not compress; more than this a sound stream never needs.
    await this.#fill(size + (size >> 12) + (size >> 14) + (size >> 25) + 64)
    try {
      const { buffer, engine } = inflateSync(this.#window, { info: true, maxOutputLength: Math.max(size, 1), chunkSize: Math.max(size, 64) }) as unknown as {
        buffer: Buffer
        engine: { bytesWritten: number }
      }
      if (buffer.length !== size) throw corrupt('an object has another size than it says')
      this.#consume(engine.bytesWritten)
      return buffer
    } catch (error) {
      throw SaddleError.is(error) ? error : corrupt('an object cannot be inflated', error)
    }
  }

  async verifyChecksum(hashSize: number): Promise<void> {
    const expected = this.#hash.digest()
    await this.#fill(hashSize)
    if (!this.#window.subarray(0, hashSize).equals(expected)) throw corrupt('its checksum is wrong')
  }

  async end(): Promise<void> {
    for (let next = await this.#chunks.next(); !next.done; ) next = await this.#chunks.next()
  }

  /** Lets go of a source that is not read to its end. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  #consume(length: number): void {
    this.#hash.update(this.#window.subarray(0, length))
    this.#window = this.#window.subarray(length)
    this.offset += length
  }

  async #fill(length: number): Promise<void> {
    if (this.#window.length >= length || this.#ended) return
    const parts = [this.#window]
    for (let size = this.#window.length; size < length; ) {
      const next = await this.#chunks.next()
      if (next.done) {
        this.#ended = true
        break
      }
      const part = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength)
      parts.push(part)
      size += part.length
    }
    this.#window = Buffer.concat(parts)
  }
}

const outOfMemory = (limitBytes: number): SaddleError =>
  new SaddleError(
    'PACK_TOO_LARGE',
    `The source sent a pack with deltas on objects further back than the ${limitBytes} bytes of it that are kept in memory.`,
    { context: { limitBytes } },
  )

const corrupt = (detail: string, cause?: unknown): SaddleError =>
  new SaddleError('PACK_CORRUPT', `The source sent a pack that cannot be read: ${detail}. Check the repository there with "git fsck".`, { cause })
