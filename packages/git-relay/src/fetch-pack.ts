import { SaddleError, type GitRemote } from '@saddle/transport'
import { throwIfErr } from './advertisement.ts'
import { agent, postUploadPack } from './git-http.ts'
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
}

/** Options of {@link fetchPack}. */
export interface FetchOptions {
  signal?: AbortSignal | undefined
  /** Longest silence in milliseconds; 0 leaves watching to the caller. */
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
 * @returns the bytes of the pack as views of what arrives, once the source begins to answer. They end only after the
 * source has said that the pack is whole; else `PACK_CORRUPT`, `UPSTREAM_ERROR`, `NETWORK` …
 */
export async function* fetchPack(remote: GitRemote, request: FetchRequest, options: FetchOptions = {}): AsyncGenerator<Buffer, void, void> {
  const { signal, patience, onText = () => undefined, onActivity } = options
  const body = await postUploadPack(remote, request.protocol === 2 ? fetchCommand(request) : uploadRequest(request), {
    signal,
    ...(patience === undefined ? {} : { patience }),
    protocol: request.protocol === 2 ? 2 : undefined,
  })
  try {
    const reader = new PktReader(body)
    await (request.protocol === 2 ? skipToPackfile(reader) : skipAcknowledgements(reader))
    yield* sidebandData(reader, { onText, onError: (bytes) => sourceGaveUp(bytes.toString('utf8')), onActivity })
    await reader.read()
  } finally {
    body.destroy()
  }
}

/** The `fetch` command of version 2 (gitprotocol-v2). */
function fetchCommand({ objectFormat, wants, haves }: FetchRequest): string {
  const lines = ['command=fetch', `agent=${agent}`, ...(objectFormat === 'sha1' ? [] : [`object-format=${objectFormat}`])]
  const args = ['ofs-delta', ...wants.map((oid) => `want ${oid}`), ...haves.map((oid) => `have ${oid}`), 'done']
  return lines.map(pktLine).join('') + delimPkt + args.map(pktLine).join('') + flushPkt
}

/**
 * The request of versions 0 and 1 (gitprotocol-pack, "Packfile Negotiation").
 *
 * @param end - `done` asks for the pack at once, a flush only for what is common
 */
export function uploadRequest({ objectFormat, wants, haves }: Omit<FetchRequest, 'protocol'>, end: string = pktLine('done')): string {
  const capabilities = ['multi_ack_detailed', 'side-band-64k', 'ofs-delta', `agent=${agent}`]
  if (objectFormat !== 'sha1') capabilities.push(`object-format=${objectFormat}`)
  const want = wants.map((oid, index) => `want ${oid}${index === 0 ? ` ${capabilities.join(' ')}` : ''}`)
  return [...want].map(pktLine).join('') + flushPkt + haves.map((oid) => pktLine(`have ${oid}`)).join('') + end
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
  if (line.includes('not our ref') && line.subarray(0, 4).toString('latin1') === 'ERR ') {
    throw new SaddleError(
      'NOT_FOUND',
      `The source does not have, or no longer serves, an object that was asked for (${sanitize(pktText(line).slice(4))}). If a ref was moved meanwhile, run again.`,
      { retryable: true },
    )
  }
  throwIfErr(line)
}

function sourceGaveUp(text: string): SaddleError {
  return new SaddleError('UPSTREAM_ERROR', `The source gave up sending the pack: ${sanitize(text).trim().slice(0, 500) || 'it gives no reason'}`)
}

const noPack = () =>
  new SaddleError('UPSTREAM_ERROR', 'The source sent no pack: its answer ended before one began. Its log says why; run `git fsck` on the repository.')
