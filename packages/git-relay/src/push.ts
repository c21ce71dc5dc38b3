import { SaddleError, type GitRemote } from '@saddle/transport'
import { agent, postReceivePack, readAnswer } from './git-http.ts'
import { flushPkt, pktBytes, PktReader } from './pkt-line.ts'
import { encodeRefName, isRefName, showRefName } from './ref-name.ts'
import { zeroOid, type RefListing, type RefUpdate } from './refs.ts'
import { readReportStatus, reportCutShort, type ReportStatus } from './report-status.ts'
import { sidebandData } from './sideband.ts'

/** As a stream, or whole: then the request says how long it is. */
type Pack = AsyncIterable<Uint8Array> | Uint8Array

/** What a push tells the target. */
export interface PushRequest {
  /** The target's refs as they were listed; the push moves a ref only if it is still there. */
  targetRefs: RefListing
  /** Creations, updates and deletions, in the order in which the target shall try them. */
  updates: readonly Exclude<RefUpdate, { kind: 'unchanged' }>[]
  /** The pack; none if there are only deletions. */
  pack: Pack | undefined
}

/** Options of {@link push}. */
export interface PushOptions {
  signal?: AbortSignal | undefined
  /** Text for people, in pieces. */
  onText: (bytes: Buffer) => void
  /** Makes the error when the target gives up, from what it says. */
  onError: (said: string) => Error
  /** Something arrived, if only a keep-alive. */
  onActivity?: (() => void) | undefined
}

/**
 * Sends a push as one request, chunked where the pack is a stream, and reads what the target reports. The target may answer before everything is
 * sent; then the rest is not sent. `atomic` is not asked for: one ref that is refused does not hold back the others.
 */
export async function push(remote: GitRemote, request: PushRequest, options: PushOptions): Promise<ReportStatus> {
  const { signal, onText, onError, onActivity } = options
  const { capabilities } = request.targetRefs
  if (!capabilities.has('report-status')) {
    throw new SaddleError('PROTOCOL_ERROR', 'The target does not offer to report what became of a push (report-status); nothing was sent.')
  }
  const asked = askedOf(capabilities)
  const commands = pushCommands(request, asked)
  const body = await postReceivePack(remote, requestBody(commands, request.pack), { signal })
  return readAnswer(remote, body, signal, async (reader) => {
    if (!asked.includes('side-band-64k')) return readReportStatus(reader)
    const report = sidebandData(reader, {
      onText,
      onError: (bytes) => onError(bytes.toString('utf8').trim()),
      onTruncated: reportCutShort,
      onActivity,
    })
    return readReportStatus(new PktReader(report))
  })
}

function requestBody(commands: Buffer, pack: Pack | undefined): AsyncIterable<Uint8Array> | Uint8Array {
  if (pack === undefined || pack instanceof Uint8Array) return Buffer.concat(pack ? [commands, pack] : [commands])
  return joined(commands, pack)
}

async function* joined(commands: Buffer, pack: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  yield commands
  yield* pack
}

/** What is asked of the target, of what it offers. */
function askedOf(capabilities: ReadonlyMap<string, string>): string[] {
  const offered = (name: string) => capabilities.has(name)
  const format = capabilities.get('object-format')
  return [
    offered('report-status-v2') ? 'report-status-v2' : 'report-status',
    ...['side-band-64k'].filter(offered),
    ...(format === undefined ? [] : [`object-format=${format}`]),
    `agent=${agent}`,
  ]
}

/** `old SP new SP ref` for each ref, the first with NUL and what is asked for (gitprotocol-pack, "Reference Update Request"). */
function pushCommands({ targetRefs, updates }: PushRequest, asked: readonly string[]): Buffer {
  const none = zeroOid(targetRefs.objectFormat)
  const lines = updates.map((update, index) => {
    if (!isRefName(update.ref)) {
      throw new SaddleError('INVALID_INPUT', `Not a name that git allows for a ref: ${showRefName(update.ref)}`)
    }
    const from = update.kind === 'create' ? none : update.oldOid
    const to = update.kind === 'delete' ? none : update.newOid
    const tail = index === 0 ? `\0 ${asked.join(' ')}` : ''
    return pktBytes(Buffer.concat([Buffer.from(`${from} ${to} `, 'latin1'), encodeRefName(update.ref), Buffer.from(tail, 'latin1')]))
  })
  return Buffer.concat([...lines, Buffer.from(flushPkt, 'latin1')])
}
