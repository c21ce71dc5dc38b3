import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { SaddleError } from '@saddle/transport'
import { lfsMediaType } from './batch.ts'
import type { LfsLinks } from './links.ts'
import type { LfsObject } from './pointer.ts'
import type { LinkSender } from './send.ts'

/** The source served something else than the object that was asked for. */
export class DamagedObjectError extends SaddleError {
  constructor({ oid, size }: LfsObject, seen: number, context: { host?: string }) {
    super(
      'PACK_CORRUPT',
      `${context.host ?? 'The source'} served the Git LFS object ${oid} damaged (${seen > size ? 'more than' : seen} of ${size} bytes). The target did not get it.`,
      // A connection that was cut short looks the same; another try tells.
      { context, retryable: true },
    )
  }
}

/** The source's storage does not give out the object; what a link that has ended looks like, too. */
export class DownloadRefusedError extends SaddleError {
  constructor(cause: SaddleError) {
    super(cause.code, cause.message, { cause, context: cause.context, retryable: cause.retryable })
  }
}

/** Options of {@link streamObject}. */
export interface StreamOptions {
  source: LinkSender
  target: LinkSender
  signal: AbortSignal
  onBytes: (count: number) => void
}

/** The server may copy a large object to its final place before it answers. */
const storingPatience = 10 * 60_000

/**
 * Streams one object from server to server. It is checked against its oid on the way, and its last bytes are held back
 * until the check has passed, so that a damaged object never becomes a complete upload.
 *
 * @throws DamagedObjectError, DownloadRefusedError, and what transport throws
 */
export async function streamObject(object: LfsObject, { from, to }: LfsLinks, options: StreamOptions): Promise<void> {
  const { source, target, signal, onBytes } = options
  const { download } = from.actions ?? {}
  const { upload, verify } = to.actions ?? {}
  if (!download || !upload) return
  // Opened when the target is ready to take it: what waits for a place there holds none at the source.
  const open = async (): Promise<Readable> => {
    try {
      return (await source.send(from, download, { headers: { 'accept-encoding': 'identity' }, signal })).body
    } catch (thrown) {
      const error = SaddleError.from(thrown)
      throw refusals.has(error.code) ? new DownloadRefusedError(error) : error
    }
  }
  const stored = await target.send(to, upload, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(object.size) },
    body: checked(open, object, new URL(download.href).host, onBytes),
    signal,
    headersTimeout: storingPatience,
  })
  stored.body.resume()
  if (!verify) return
  const confirmed = await target.send(to, verify, {
    method: 'POST',
    headers: { accept: lfsMediaType, 'content-type': lfsMediaType },
    body: JSON.stringify(object),
    signal,
  })
  confirmed.body.resume()
}

const refusals = new Set(['AUTHENTICATION_FAILED', 'FORBIDDEN', 'NOT_FOUND'])

/** Passes the bytes on and withholds the last piece until size and hash have been found right. */
async function* checked(
  open: () => Promise<Readable>,
  object: LfsObject,
  host: string,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let held: Buffer | undefined
  let seen = 0
  for await (const piece of (await open()) as AsyncIterable<Buffer>) {
    if (held) yield held
    held = piece
    hash.update(piece)
    seen += piece.length
    onBytes(piece.length)
    if (seen > object.size) break
  }
  if (seen !== object.size || hash.digest('hex') !== object.oid) throw new DamagedObjectError(object, seen, { host })
  if (held) yield held
}
