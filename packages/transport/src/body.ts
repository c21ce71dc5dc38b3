import { pipeline, type Duplex, type Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { SaddleError } from './error.ts'

const decoders: Record<string, () => Duplex> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/**
 * The body with its content encoding undone, as it streams.
 *
 * @throws SaddleError `PROTOCOL_ERROR` for an encoding that was not asked for and is not known
 */
export function uncompressed(body: Readable, encoding: string | undefined): Readable {
  const name = encoding?.trim().toLowerCase()
  if (!name || name === 'identity') return body
  const decoder = decoders[name]?.()
  if (!decoder) {
    body.destroy()
    throw new SaddleError('PROTOCOL_ERROR', `The answer is encoded as ${name}, which was not asked for.`)
  }
  // The callback takes the error, which the decoder reports to its reader as well.
  return pipeline(body, decoder, () => undefined)
}

/**
 * Reads a body to its end.
 *
 * @param limit - in bytes, after decompression
 * @param cut - take the beginning of a longer body, instead of failing
 * @throws SaddleError `PROTOCOL_ERROR` for a body beyond the limit; no more than the limit is ever held
 */
export async function readBytes(body: Readable, limit: number, cut = false): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit && !cut) {
      throw new SaddleError('PROTOCOL_ERROR', `The answer is larger than ${limit} bytes; it was not read to its end.`, {
        context: { limitBytes: limit },
      })
    }
    chunks.push(chunk)
    if (size >= limit && cut) break
  }
  return Buffer.concat(chunks).subarray(0, limit)
}
