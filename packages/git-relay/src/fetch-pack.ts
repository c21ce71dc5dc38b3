import { SaddleError, type GitRemote } from '@saddle/transport'
import { throwIfErr } from './advertisement.ts'
import { chunksOf } from './chunks.ts'
import { agent, countingPatience, failureAt, postUploadPack, release } from './git-http.ts'
import { delimPkt, flushPkt, pktLine, pktText, PktReader } from './pkt-line.ts'
import type { ObjectFormat } from './refs.ts'
import { sanitize } from './remote-text.ts'
import { sidebandData } from './sideband.ts'

/** What to fetch. */
export interface FetchRequest {
  protocol: 0 | 1 | 2
  objectFormat: ObjectFormat
  /** Objects to get, with all that they lead to. In versions 0 and 1 tips that were advertised. */
  wants: readonly string[]
  /** Objects that the receiver has, with all that they lead to; those that the source does not know do no harm. */
  haves: readonly string[]
  /** Objects to leave out, as `git rev-list --filter` has it: `tree:0`, `blob:limit=1k`, … Version 2 only, see `canFilter`. */
  filter?: string | undefined
  /** How many commits to go back from each of the wants; all by default. Version 2 only. */
  depth?: number | undefined
}

/** Options of `fetchPack`. */
export interface FetchOptions {
  signal?: AbortSignal | undefined
  /** Longest silence in milliseconds, 10 minutes by default; 0 leaves watching to the caller. */
  patience?: number
  /** Text for people, in pieces. */
  onText?: (bytes: Buffer) => void
  /** Something arrived, if only a keep-alive. */
  onActivity?: (() => void) | undefined
}

/**
 * Asks a source for one pack. `done` is sent at once: there is one request, and the source sends what the `have`s it
 * knows leave to send. Asked for are offsets in deltas (smaller); not asked for are a thin pack (its bases would be
 * missing) and `include-tag` (tags that are wanted are wanted by name, and others must not come along).
 *
 * @returns the bytes of the pack as views of what arrives. They end only after the source has said that the pack is
 * whole; otherwise the generator throws `PACK_CORRUPT`, `UPSTREAM_ERROR`, `NETWORK` …
 */
export async function* fetchPack(remote: GitRemote, request: FetchRequest, options: FetchOptions = {}): AsyncGenerator<Buffer, void, void> {
  const { signal, patience = countingPatience, onText = () => undefined, onActivity } = options
  const v2 = request.protocol === 2
  const body = await postUploadPack(remote, v2 ? fetchCommand(request) : uploadRequest(request), {
    signal,
    protocol: v2 ? 2 : undefined,
    patience,
  })
  let whole = false
  const reader = new PktReader(chunksOf(body))
  try {
    await (v2 ? skipToPackfile(reader) : skipAcknowledgements(reader))
    yield* sidebandData(reader, { onText, onError: sourceGaveUp, onTruncated: packTruncated, onActivity })
    whole = true
  } catch (error) {
    throw error instanceof UnknownObjectError ? error : failureAt(remote, error, signal)
  } finally {
    if (whole) release(body, reader)
    else body.destroy()
  }
}

/**
 * Asks a source for a pack with less than everything: for a look at its history, not for passing on. What is wanted by name
 * comes whatever the filter says.
 *
 * @returns the bytes of the pack, see `fetchPack`; `readPack` takes them apart
 * @throws SaddleError `UPSTREAM_ERROR` also from a server that does not know the filter
 */
export function fetchFiltered(
  remote: GitRemote,
  request: Pick<FetchRequest, 'wants' | 'filter' | 'depth'> & Partial<FetchRequest>,
  options: FetchOptions = {},
): AsyncGenerator<Buffer, void, void> {
  return fetchPack(remote, { objectFormat: 'sha1', haves: [], ...request, protocol: 2 }, options)
}

/** The source has no object of that name, or not one that it gives out. */
export class UnknownObjectError extends SaddleError {
  constructor(said: string) {
    super(
      'CONFLICT',
      `The source no longer gives out an object that a ref pointed to when its refs were listed (${sanitize(said)}). List them again.`,
      { retryable: true },
    )
  }
}

/** The `fetch` command of version 2 (gitprotocol-v2). */
function fetchCommand({ objectFormat, wants, haves, filter, depth }: FetchRequest): string {
  const lines = ['command=fetch', `agent=${agent}`, ...(objectFormat === 'sha1' ? [] : [`object-format=${objectFormat}`])]
  const less = [...(filter === undefined ? [] : [`filter ${filter}`]), ...(depth === undefined ? [] : [`deepen ${depth}`])]
  const args = ['ofs-delta', ...less, ...wants.map((oid) => `want ${oid}`), ...haves.map((oid) => `have ${oid}`), 'done']
  return lines.map(pktLine).join('') + delimPkt + args.map(pktLine).join('') + flushPkt
}

/** The request of versions 0 and 1 (gitprotocol-pack, "Packfile Negotiation"). */
function uploadRequest({ objectFormat, wants, haves }: FetchRequest): string {
  const capabilities = ['multi_ack_detailed', 'side-band-64k', 'ofs-delta', `agent=${agent}`]
  if (objectFormat !== 'sha1') capabilities.push(`object-format=${objectFormat}`)
  const want = wants.map((oid, index) => `want ${oid}${index === 0 ? ` ${capabilities.join(' ')}` : ''}`)
  const have = haves.map((oid) => `have ${oid}`)
  return want.map(pktLine).join('') + flushPkt + [...have, 'done'].map(pktLine).join('')
}

async function skipToPackfile(reader: PktReader): Promise<void> {
  for (;;) {
    const line = await reader.read()
    if (line instanceof Buffer) {
      refuseErr(line)
      if (pktText(line) === 'packfile') return
    } else if (line !== 'delim') throw noPack()
    // Other sections (acknowledgments, shallow-info) were not asked for and mean nothing here.
  }
}

/** `ACK oid common` for each `have` that the source knows, then one line that ends them: `ACK oid` or `NAK`. */
async function skipAcknowledgements(reader: PktReader): Promise<void> {
  for (;;) {
    const line = await reader.read()
    if (!(line instanceof Buffer)) throw noPack()
    refuseErr(line)
    if (/^(NAK|ACK [0-9a-f]+)$/.test(pktText(line))) return
  }
}

function refuseErr(line: Buffer): void {
  const text = pktText(line)
  if (/^ERR .*not our ref/.test(text)) throw new UnknownObjectError(text.slice('ERR '.length))
  throwIfErr(line)
}

function sourceGaveUp(bytes: Buffer): SaddleError {
  const words = sanitize(bytes.toString('utf8')).trim().slice(0, 500)
  return new SaddleError('UPSTREAM_ERROR', `The source gave up sending the pack. It says: ${words || 'nothing'}`)
}

const packTruncated = () =>
  new SaddleError('PACK_CORRUPT', 'The source ended the pack before its end; no ref was moved. Run again.', { retryable: true })

const noPack = () =>
  new SaddleError('UPSTREAM_ERROR', 'The source sent no pack: its answer ended before one began. Its log says why; run `git fsck` on the repository.')
