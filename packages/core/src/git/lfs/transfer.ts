import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { HttpClient, SaddleError, type GitRemote, type HttpAnswer, type HttpRequest } from '@saddle/transport'
import { batchSize, lfsBatch, type LfsAction, type LfsBatchObject } from './batch.ts'
import type { LfsObject } from './pointer.ts'

/** Options of {@link transferLfsObjects}. */
export interface LfsTransferOptions {
  source: GitRemote
  target: GitRemote
  /** Every object that the refs to be moved need; each oid once. */
  objects: AsyncIterable<LfsObject> | Iterable<LfsObject>
  /** Objects under way at once. */
  concurrency?: number
  /** How often one object is tried; links are asked for anew each time, since they expire. */
  attempts?: number
  signal?: AbortSignal | undefined
  onProgress?: ((progress: { bytes: number; objects: number }) => void) | undefined
}

/** What became of the objects: every one is counted in exactly one of the three numbers. */
export interface LfsTransferResult {
  transferred: number
  /** Bytes of the objects that were transferred. */
  bytes: number
  /** Objects that the target had already. */
  present: number
  /** Objects that the source itself does not have; a loss. */
  missing: LfsObject[]
}

/**
 * Streams Git LFS objects from server to server: no temporary file, memory that does not grow with them. Each is
 * checked against its oid on the way, and its last bytes are held back until the check has passed, so that a damaged
 * object never becomes a complete upload.
 *
 * @throws PACK_CORRUPT when the source serves bytes that do not hash to the oid; what transport throws
 */
export async function transferLfsObjects(options: LfsTransferOptions): Promise<LfsTransferResult> {
  const { source, target, concurrency = 8, attempts = 4, onProgress } = options
  const failed = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal
  const result: LfsTransferResult = { transferred: 0, bytes: 0, present: 0, missing: [] }
  let bytesSeen = 0

  const move = async (object: LfsObject, links: Links | undefined): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        const current = links ?? (await linksOf(object))
        links = undefined
        if (current === 'present') result.present++
        else if (current === 'missing') result.missing.push(object)
        else {
          await moveObject(object, current, { source, target, signal, onBytes: (count) => (bytesSeen += count) })
          result.transferred++
          result.bytes += object.size
        }
        onProgress?.({ bytes: bytesSeen, objects: result.transferred + result.present + result.missing.length })
        return
      } catch (thrown) {
        const error = SaddleError.from(thrown)
        // An expired link answers 401, 403 or 404: a fresh one tells whether that was all.
        const expired = error.code === 'FORBIDDEN' || error.code === 'NOT_FOUND' || error.code === 'AUTHENTICATION_FAILED'
        if (signal.aborted || attempt >= attempts || !(error.retryable || (expired && attempt === 1))) throw error
      }
    }
  }
  const linksOf = async (object: LfsObject): Promise<Links> => {
    for await (const [, links] of linked([object], source, target, signal)) return links
    throw new SaddleError('PROTOCOL_ERROR', `The Git LFS server of ${target.http.baseUrl.host} says nothing of an object it was asked for.`)
  }

  const running = new Set<Promise<void>>()
  let failure: unknown
  try {
    for await (const batch of batches(options.objects)) {
      for await (const [object, links] of linked(batch, source, target, signal)) {
        while (running.size >= concurrency) await Promise.race(running)
        if (failure !== undefined) break
        const task: Promise<void> = move(object, links)
          .catch((error: unknown) => {
            failure ??= error
            failed.abort()
          })
          .finally(() => running.delete(task))
        running.add(task)
      }
      if (failure !== undefined) break
    }
  } catch (error) {
    failure ??= error
    failed.abort()
  }
  await Promise.all(running)
  if (failure !== undefined) throw options.signal?.aborted ? new SaddleError('ABORTED', 'The transfer of Git LFS objects was cancelled.') : SaddleError.from(failure)
  return result
}

type Links = 'present' | 'missing' | { from: LfsBatchObject; to: LfsBatchObject }

/** Asks the target what it lacks, then the source for that alone. */
async function* linked(
  objects: readonly LfsObject[],
  source: GitRemote,
  target: GitRemote,
  signal: AbortSignal,
): AsyncGenerator<[LfsObject, Links]> {
  const uploads = new Map((await lfsBatch(target, 'upload', objects, { signal })).map((object) => [object.oid, object]))
  const lacking: LfsObject[] = []
  for (const object of objects) {
    const upload = uploads.get(object.oid)
    if (upload?.error) throw objectError(target, object, upload.error)
    if (upload?.actions?.upload) lacking.push(object)
    else if (upload) yield [object, 'present']
    else throw new SaddleError('PROTOCOL_ERROR', `The Git LFS server of ${target.http.baseUrl.host} says nothing of an object it was asked for.`)
  }
  if (lacking.length === 0) return
  const downloads = new Map((await lfsBatch(source, 'download', lacking, { signal })).map((object) => [object.oid, object]))
  for (const object of lacking) {
    const from = downloads.get(object.oid)
    const to = uploads.get(object.oid)
    const gone = from?.error?.code === 404 || from?.error?.code === 410
    if (from?.error && !gone) throw objectError(source, object, from.error)
    yield [object, from?.actions?.download && to ? { from, to } : 'missing']
  }
}

function objectError(remote: GitRemote, { oid }: LfsObject, error: { code: number; message?: string | undefined }): SaddleError {
  const { host } = remote.http.baseUrl
  const text = error.message ? `: ${error.message.slice(0, 500)}` : ''
  return new SaddleError(error.code === 422 ? 'PROTOCOL_ERROR' : 'UPSTREAM_ERROR', `${host} refuses the Git LFS object ${oid} (${error.code}${text}).`, {
    context: { host, status: error.code },
    redactor: remote.http.redactor,
    retryable: error.code >= 500,
  })
}

interface MoveOptions {
  source: GitRemote
  target: GitRemote
  signal: AbortSignal
  onBytes: (count: number) => void
}

async function moveObject(
  object: LfsObject,
  { from, to }: { from: LfsBatchObject; to: LfsBatchObject },
  { source, target, signal, onBytes }: MoveOptions,
): Promise<void> {
  const { download } = from.actions ?? {}
  const { upload, verify } = to.actions ?? {}
  if (!download || !upload) return
  const incoming = await send(source, from, download, { signal })
  const body = Readable.from(checked(incoming.body, object, source, onBytes), { objectMode: false })
  try {
    const stored = await send(target, to, upload, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(object.size) },
      body,
      signal,
      // The server may copy a large object to its final place before it answers.
      headersTimeout: 10 * 60_000,
    })
    stored.body.resume()
  } catch (error) {
    // A damaged download shows as a broken upload; the damage is what the caller needs to hear of.
    throw body.errored ?? error
  } finally {
    incoming.body.destroy()
  }
  if (!verify) return
  const confirmed = await send(target, to, verify, {
    method: 'POST',
    idempotent: true,
    headers: { accept: 'application/vnd.git-lfs+json', 'content-type': 'application/vnd.git-lfs+json' },
    body: JSON.stringify(object),
    signal,
  })
  confirmed.body.resume()
}

/** Passes the bytes on and withholds the last chunk until size and hash have been found right. */
async function* checked(
  body: Readable,
  { oid, size }: LfsObject,
  { http }: GitRemote,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let held: Buffer | undefined
  let seen = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (held) yield held
    held = chunk
    hash.update(chunk)
    seen += chunk.length
    onBytes(chunk.length)
    if (seen > size) break
  }
  if (seen !== size || hash.digest('hex') !== oid) {
    throw new SaddleError(
      'PACK_CORRUPT',
      `${http.baseUrl.host} served the Git LFS object ${oid} damaged (${seen} of ${size} bytes). Nothing was stored; check the object at the source with "git lfs fsck".`,
      // A connection that was cut short looks the same; another try tells.
      { context: { host: http.baseUrl.host }, retryable: seen < size },
    )
  }
  if (held) yield held
}

/**
 * Sends a request to a link of a batch answer. Credentials of ours go only to the remote's own origin, and only when the
 * answer brought none; any other host gets exactly what the answer says.
 */
async function send(remote: GitRemote, object: LfsBatchObject, action: LfsAction, request: HttpRequest): Promise<HttpAnswer> {
  const { http } = remote
  const url = linkUrl(action.href, http)
  const given = Object.fromEntries(Object.entries(action.header ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
  for (const value of Object.values(given)) if (value.length > 20) http.redactor.add(value)
  const headers = { ...request.headers, ...given }
  if (url.origin === http.baseUrl.origin && !given['authorization'] && !object.authenticated) {
    return http.request(url, { ...request, headers })
  }
  const { dispatcher, redactor } = http
  return new HttpClient({ baseUrl: url.origin, dispatcher, redactor, retry: { attempts: 1 } }).request(url, { ...request, headers })
}

function linkUrl(href: string, http: HttpClient): URL {
  const url = URL.canParse(href) ? new URL(href) : undefined
  const downgraded = url?.protocol === 'http:' && http.baseUrl.protocol === 'https:'
  if (url && !downgraded && (url.protocol === 'https:' || url.protocol === 'http:')) return url
  throw new SaddleError(
    'ADDRESS_NOT_ALLOWED',
    `The Git LFS server of ${http.baseUrl.host} gives a link that is not followed: ${downgraded ? 'it leaves TLS' : 'it is not an http address'}.`,
    { context: { host: http.baseUrl.host } },
  )
}

async function* batches(objects: AsyncIterable<LfsObject> | Iterable<LfsObject>): AsyncGenerator<LfsObject[]> {
  let batch: LfsObject[] = []
  for await (const object of objects) {
    batch.push(object)
    if (batch.length === batchSize) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}
