import { SaddleError, type HttpClient, type Redactor } from '@saddle/transport'

/** Larger than any page GitHub sends; a body beyond it is an attack or a fault. */
const limitBytes = 32 * 1024 * 1024

/** Reads a body as text; one of more than 32 MiB, uncompressed, is `PROTOCOL_ERROR`. */
export async function readBounded(response: Awaited<ReturnType<HttpClient['fetch']>>, redactor: Redactor): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length
    if (size > limitBytes) {
      throw new SaddleError('PROTOCOL_ERROR', `The answer is larger than ${limitBytes} bytes; it was not read to its end.`, {
        context: { status: response.status, limitBytes },
        redactor,
      })
    }
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString('utf8')
}
