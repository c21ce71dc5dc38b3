import { createCipheriv, createHash, type Cipher } from 'node:crypto'

/** Of 4 to 7 letters and digits. */
const words = Array.from({ length: 4096 }, (_, number) => (0x10000 + ((number * 0x9e3779b1) >>> 2)).toString(36))

/**
 * Random bytes and numbers that are the same for the same seed, on every machine: the key stream of AES-128-CTR.
 * Fast enough (above 1 GB/s) to fill a history of a gigabyte with incompressible content.
 */
export class SeededRandom {
  readonly #cipher: Cipher

  constructor(seed: string | number) {
    const key = createHash('sha256').update(String(seed)).digest().subarray(0, 16)
    this.#cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  }

  /** The next `size` bytes. */
  bytes(size: number): Buffer {
    return this.#cipher.update(Buffer.alloc(size))
  }

  /** The next `size` bytes of text in lines of words, which compresses about as source code does. */
  text(size: number): Buffer {
    const random = this.bytes(Math.ceil(size / 3))
    const parts: string[] = []
    for (let at = 0, length = 0; length < size; at += 2) {
      const word = words[random.readUInt16BE(at) % words.length]!
      parts.push(word, at % 24 === 22 ? '\n' : ' ')
      length += word.length + 1
    }
    return Buffer.from(parts.join('').slice(0, size - 1) + '\n')
  }

  /** The next number, at least 0 and less than 1. */
  next(): number {
    return this.bytes(4).readUInt32BE() / 2 ** 32
  }
}
