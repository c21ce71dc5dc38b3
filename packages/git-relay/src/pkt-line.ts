import { SaddleError } from '@saddle/transport'

/** A line of git's wire format (gitprotocol-common): data, or one of the three special packets. */
export type Pkt = Buffer | 'flush' | 'delim' | 'response-end'

/** The special packet that ends a list. */
export const flushPkt = '0000'
/** The special packet that separates sections in version 2. */
export const delimPkt = '0001'

const specials = ['flush', 'delim', 'response-end'] as const
/** The largest packet there is, its four digits of length included. */
const largest = 65_520
const nothing = Buffer.alloc(0)

/** One line as a packet, for text of one byte a character (latin1). A newline is added, as git does. */
export function pktLine(text: string): string {
  return (text.length + 5).toString(16).padStart(4, '0') + text + '\n'
}

/** Bytes as a packet, as they are. */
export function pktBytes(data: Buffer): Buffer {
  if (data.length + 4 > largest) throw new SaddleError('INVALID_INPUT', 'A line is longer than git can send (65,516 bytes).')
  return Buffer.concat([Buffer.from((data.length + 4).toString(16).padStart(4, '0'), 'latin1'), data])
}

/** The text of a data packet without its newline. */
export function pktText(data: Buffer): string {
  return data.toString('utf8', 0, data.at(-1) === 0x0a ? data.length - 1 : data.length)
}

/**
 * Takes git's wire format apart as it arrives, in whatever pieces. Pieces that are handed out are views of what
 * arrived; only what straddles two chunks is copied, and of a pack's data not even that (see {@link PktReader.piece}).
 *
 * Every method ends with undefined at the end of the stream, and throws `PROTOCOL_ERROR` for what cannot be.
 */
export class PktReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #limit: number
  #chunk: Buffer = nothing
  #seen = 0

  /** @param limit - bytes after which a server is taken for broken; none for packs */
  constructor(chunks: AsyncIterable<Uint8Array>, limit = Infinity) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#limit = limit
  }

  /** The next packet, whole. */
  async read(): Promise<Pkt | undefined> {
    const length = await this.length()
    if (typeof length !== 'number') return length
    const data = await this.#take(length)
    if (!data) throw truncated()
    return data
  }

  /** The length of the next packet's data, which then has to be taken with `piece`; or the special packet. */
  async length(): Promise<number | Exclude<Pkt, Buffer> | undefined> {
    const digits = await this.#take(4)
    if (!digits) return undefined
    const text = digits.toString('latin1')
    const length = /^[0-9a-f]{4}$/i.test(text) ? parseInt(text, 16) : NaN
    const special = specials[length]
    if (special) return special
    if (!(length >= 4 && length <= largest)) {
      throw new SaddleError('PROTOCOL_ERROR', "The server's answer is not git's wire format. Check that the address is a repository's.")
    }
    return length - 4
  }

  /** As much as has arrived, at most `max` bytes (more than 0): a view, never a copy. */
  async piece(max: number): Promise<Buffer> {
    if (this.#chunk.length === 0 && !(await this.#next())) throw truncated()
    const piece = this.#chunk.subarray(0, max)
    this.#chunk = this.#chunk.subarray(piece.length)
    return piece
  }

  /** Exactly `length` bytes; undefined when the stream had ended before the first. */
  async #take(length: number): Promise<Buffer | undefined> {
    if (this.#chunk.length >= length) {
      const data = this.#chunk.subarray(0, length)
      this.#chunk = this.#chunk.subarray(length)
      return data
    }
    const data = Buffer.allocUnsafe(length)
    for (let filled = 0; filled < length;) {
      if (this.#chunk.length === 0 && !(await this.#next())) {
        if (filled === 0) return undefined
        throw truncated()
      }
      const copied = this.#chunk.copy(data, filled)
      this.#chunk = this.#chunk.subarray(copied)
      filled += copied
    }
    return data
  }

  async #next(): Promise<boolean> {
    for (;;) {
      const next = await this.#chunks.next()
      if (next.done) return false
      const { value } = next
      this.#seen += value.length
      if (this.#seen > this.#limit) {
        throw new SaddleError('PROTOCOL_ERROR', `The server's answer is longer than ${this.#limit} bytes; it was not read to its end.`, {
          context: { limitBytes: this.#limit },
        })
      }
      if (value.length === 0) continue
      this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      return true
    }
  }
}

const truncated = () =>
  new SaddleError('PROTOCOL_ERROR', "The server's answer ended in the middle of a line. Try again.", { retryable: true })
