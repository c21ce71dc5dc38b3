import { SaddleError, type GitRemote } from '@saddle/transport'
import { agent, postReceivePack } from './git-http.ts'
import { flushPkt, pktBytes, PktReader } from './pkt-line.ts'
import { encodeRefName } from './ref-name.ts'
import { zeroOid, type RefListing, type RefUpdate } from './refs.ts'
import { sanitize } from './remote-text.ts'
import { readReportStatus, type ReportStatus } from './report-status.ts'
import { sidebandData } from './sideband.ts'

/** What to push. */
export interface PushRequest {
  /** At least one, none `unchanged`. */
  updates: readonly RefUpdate[]
  targetRefs: RefListing
  /** The pack; missing when refs are only deleted. */
  pack?: AsyncIterable<Uint8Array> | undefined
}

/** Options of {@link pushPack}. */
export interface PushOptions {
  signal?: AbortSignal | undefined
  /** Text for people, in pieces. */
  onText: (bytes: Buffer) => void
  /** Something was sent or has arrived, if only a keep-alive. */
  onActivity: () => void
}

/**
 * Pushes in one request: the commands, each with the value that the ref is expected to have, then the pack as it comes.
 * `atomic` is not asked for: what can arrive arrives, and what cannot is said by name.
 */
export async function pushPack(target: GitRemote, request: PushRequest, options: PushOptions): Promise<ReportStatus> {
  const { onText, onActivity, signal } = options
  const body = await postReceivePack(target, requestBody(request), { signal })
  try {
    const reader = new PktReader(body)
    if (!request.targetRefs.capabilities.has('side-band-64k')) return await readReportStatus(reader)
    const data = sidebandData(reader, { onText, onActivity, onError: (bytes) => targetGaveUp(bytes.toString('utf8')) })
    return await readReportStatus(new PktReader(data))
  } finally {
    body.destroy()
  }
}

async function* requestBody({ updates, targetRefs, pack }: PushRequest): AsyncGenerator<Uint8Array> {
  yield Buffer.concat([...commands(updates, targetRefs), Buffer.from(flushPkt)])
  if (pack) yield* pack
}

/** `old new ref` for each ref; the first carries the capabilities (gitprotocol-pack, "Reference Update Request"). */
function* commands(updates: readonly RefUpdate[], { capabilities, objectFormat }: RefListing): Generator<Buffer> {
  const wished = ['report-status-v2', 'side-band-64k', 'ofs-delta', 'delete-refs'].filter((name) => capabilities.has(name))
  if (!wished.includes('report-status-v2')) wished.push('report-status')
  if (capabilities.has('object-format')) wished.push(`object-format=${objectFormat}`)
  if (capabilities.has('agent')) wished.push(`agent=${agent}`)
  let first = true
  for (const update of updates) {
    const oldOid = update.kind === 'create' ? zeroOid(objectFormat) : update.oldOid
    const newOid = update.kind === 'delete' ? zeroOid(objectFormat) : update.newOid
    const command = [Buffer.from(`${oldOid} ${newOid} `), encodeRefName(update.ref)]
    yield pktBytes(Buffer.concat(first ? [...command, Buffer.from(`\0 ${wished.join(' ')}`)] : command))
    first = false
  }
}

const targetGaveUp = (text: string): SaddleError =>
  new SaddleError('UPSTREAM_ERROR', `The target gave up taking the push: ${sanitize(text).trim().slice(0, 500) || 'it gives no reason'}`)
