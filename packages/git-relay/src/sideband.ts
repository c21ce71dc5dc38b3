import { SaddleError } from '@saddle/transport'
import type { PktReader } from './pkt-line.ts'

/** What to do with the two bands that are not data. */
export interface SidebandHandlers {
  /** Band 2: text for people, in pieces that need not end at a line's end. */
  onText: (bytes: Buffer) => void
  /** Band 3: the server gives up. Makes the error that is thrown. */
  onError: (bytes: Buffer) => Error
  /** The stream ended without the flush packet that ends it. Makes the error that is thrown. */
  onTruncated: () => Error
  /** Something arrived, if only a keep-alive. */
  onActivity?: (() => void) | undefined
}

/** The data of a multiplexed stream (band 1), up to the flush packet that ends it, as views of what arrived. */
export async function* sidebandData(reader: PktReader, handlers: SidebandHandlers): AsyncGenerator<Buffer, void, void> {
  const { onText, onError, onTruncated, onActivity } = handlers
  for (;;) {
    const length = await reader.length()
    onActivity?.()
    if (length === 'flush') return
    if (length === undefined) throw onTruncated()
    if (typeof length !== 'number' || length === 0) throw notSideband()
    const band = (await reader.piece(1))[0]
    let left = length - 1
    if (band === 1) {
      while (left > 0) {
        const piece = await reader.piece(left)
        left -= piece.length
        yield piece
      }
    } else if (band === 2 || band === 3) {
      const pieces: Buffer[] = []
      while (left > 0) {
        const piece = await reader.piece(left)
        left -= piece.length
        pieces.push(piece)
      }
      const bytes = Buffer.concat(pieces)
      if (band === 3) throw onError(bytes)
      onText(bytes)
    } else throw notSideband()
  }
}

const notSideband = () => new SaddleError('PROTOCOL_ERROR', "The server's answer is not a multiplexed stream as git's protocol has it.")
