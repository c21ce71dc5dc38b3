import { finished, type Readable } from 'node:stream'

/** Bytes that are let in ahead of the reader: stopping a stream for every chunk costs more than the chunks do. */
const ahead = 128 * 1024

/**
 * What arrives on a stream, chunk by chunk as it arrived: the stream's own iterator joins what waits into one buffer, by
 * copying it. Otherwise the same: what arrived before a failure comes before it, and leaving early destroys the stream.
 */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer, void, void> {
  let waiting: Buffer[] = []
  let size = 0
  let end: { error?: Error | null | undefined } | undefined
  let wake = () => {}
  stream.on('data', (chunk: Buffer) => {
    waiting.push(chunk)
    size += chunk.length
    if (size >= ahead) stream.pause()
    wake()
  })
  const forget = finished(stream, { writable: false }, (error) => {
    end = { error }
    wake()
  })
  try {
    for (;;) {
      const arrived = waiting
      waiting = []
      size = 0
      if (arrived.length > 0) yield* arrived
      else if (end?.error) throw end.error
      else if (end) return
      else {
        const woken = new Promise<void>((resolve) => (wake = resolve))
        stream.resume()
        await woken
      }
    }
  } finally {
    forget()
    stream.destroy()
  }
}
