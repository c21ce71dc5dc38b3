import { abortError, throwIfAborted, type ErrorCode, type GitRemote } from '@saddle/transport'
import { fetchPack, type FetchRequest } from './fetch-pack.ts'
import { emptyPack, objectsIn } from './pack-meter.ts'
import { PassingPack } from './passing-pack.ts'
import { assertSameFormat } from './plan.ts'
import { ProgressReporter, type OnProgress } from './progress.ts'
import { push } from './push.ts'
import { tipsOf, zeroOid, type RefListing, type RefUpdate } from './refs.ts'
import { explainRejection, unpackError, type Explanation } from './rejection.ts'
import type { ReportStatus } from './report-status.ts'
import { StopSignal } from './stop-signal.ts'

/** Options of {@link relayPack}. */
export interface RelayOptions {
  source: GitRemote
  target: GitRemote
  /** The source's refs as they were listed. */
  sourceRefs: RefListing
  /** The target's refs as they were listed: what it has, and from where each ref is moved. */
  targetRefs: RefListing
  /** What to do, from `planUpdates`. Whether a ref may lose commits was decided before, with `findDiverged`. */
  updates: readonly RefUpdate[]
  signal?: AbortSignal | undefined
  onProgress?: OnProgress | undefined
  /** The largest pack to send, in bytes. A larger one is broken off with `PACK_TOO_LARGE`, and no ref moves. */
  packLimit?: number | undefined
  /**
   * The pack, where it is not to be asked of the source: whole, and the push says how long it is; or as a stream, which
   * ends only when the pack is whole, and throws otherwise.
   */
  pack?: Uint8Array | AsyncIterable<Buffer> | undefined
  /** Objects that the target has besides what it tells, with all that they lead to: from earlier pushes of the same run. */
  haves?: readonly string[] | undefined
  /** The longest time in which neither server gives a sign of life, in milliseconds; 15 minutes by default. */
  patience?: number | undefined
}

/** What became of one ref. */
export interface RelayOutcome {
  ref: string
  /** Where the ref is now, for `ok`; where it should have gone, for `rejected`. The zero id for a deletion. */
  oid: string
  status: 'ok' | 'rejected'
  /** Why it was rejected. */
  code?: ErrorCode
  /** What the target said about it, and what helps. */
  reason?: string
}

/** What a relay did. */
export interface RelayResult {
  /** Bytes of the pack that went from source to target. */
  packBytes: number
  /** Objects in it. */
  objects: number
  /** One for each update that is not `unchanged`, in their order. */
  outcomes: RelayOutcome[]
  /** What the target wrote for people, without progress: sanitised, redacted, at most 1000 lines. */
  messages: string[]
}

type Change = Exclude<RefUpdate, { kind: 'unchanged' }>

const defaultPatience = 15 * 60_000

/**
 * Moves refs of the target: asks the source for one pack with what the target lacks, and streams it, as it arrives,
 * into the target. Nothing is decoded or stored. A ref that the target refuses is an outcome, not an error.
 *
 * What is thrown means that no ref was moved, except where the target's answer was lost after everything was sent
 * (`NETWORK`, `TIMEOUT`, `PROTOCOL_ERROR`, `ABORTED`): then only its refs tell. Either way the relay can be repeated
 * with fresh listings, and does what is left.
 *
 * @throws SaddleError `PACK_CORRUPT`, `PACK_TOO_LARGE`, … when the target does not take the pack; `UPSTREAM_ERROR` when
 * the source gives up; `CONFLICT` when it lost a ref since the listing; `OBJECT_FORMAT_MISMATCH`; `ABORTED`
 */
export async function relayPack(options: RelayOptions): Promise<RelayResult> {
  const { source, target, sourceRefs, targetRefs, packLimit = Infinity, patience = defaultPatience, signal, onProgress } = options
  throwIfAborted(signal)
  const [whole, made] = options.pack instanceof Uint8Array ? [options.pack] : [undefined, options.pack]
  const changes = options.updates.filter((update) => update.kind !== 'unchanged')
  const deletions = changes.filter((update) => update.kind === 'delete')
  const moves = changes.filter((update) => update.kind !== 'delete')
  if (moves.length > 0) assertSameFormat(sourceRefs, targetRefs)
  const redact = (text: string) => target.http.redactor.redact(source.http.redactor.redact(text))
  const progress = new ProgressReporter(onProgress, redact)
  const refused = (said: string) => unpackError(said, progress.messages, target.http.redactor)
  const done = (report?: ReportStatus, pack?: PassingPack): RelayResult => ({
    packBytes: pack?.meter.bytes ?? whole?.length ?? 0,
    objects: pack?.meter.objects ?? (whole ? objectsIn(whole) : 0),
    outcomes: changes.map((update) => outcomeOf(update, targetRefs, report, (ref, said) => explainRejection(ref, redact(said), progress.messages))),
    messages: progress.messages,
  })
  if (changes.length === 0) return done()

  const stop = new StopSignal(signal, patience)
  let pack: PassingPack | undefined
  try {
    const request = whatIsMissing(moves, sourceRefs, [...tipsOf(targetRefs), ...(options.haves ?? [])])
    const fetched = () => fetchPack(source, request, { signal: stop.signal, patience: 0, onText: progress.ofSource, onActivity: stop.alive })
    const pieces = made ? watched(made, stop.alive) : request.wants.length > 0 && !whole ? fetched() : undefined
    if (pieces) pack = await PassingPack.begin(pieces, packLimit, progress)
    const report = await push(
      target,
      {
        targetRefs,
        // Deletions first: a deleted `a` makes room for `a/b`.
        updates: [...deletions, ...moves],
        // A push that moves refs needs a pack, also where the target has all there is to send.
        pack: pack ?? whole ?? (moves.length > 0 ? emptyPack(targetRefs.objectFormat) : undefined),
      },
      { signal: stop.signal, onText: progress.ofTarget, onError: refused, onActivity: stop.alive },
    )
    progress.end()
    if (report.unpack !== 'ok') throw refused(report.unpack)
    stop.end()
    return done(report, pack)
  } catch (error) {
    const why = stop.signal.aborted ? abortError(stop.signal) : (pack?.failure ?? error)
    stop.stop()
    throw why
  } finally {
    pack?.close()
  }
}

async function* watched(pieces: AsyncIterable<Buffer>, onPiece: () => void): AsyncGenerator<Buffer, void, void> {
  for await (const piece of pieces) {
    onPiece()
    yield piece
  }
}

/** The tips that the target lacks, and what it has. */
function whatIsMissing(moves: readonly { newOid: string }[], { protocol, objectFormat }: RefListing, held: readonly string[]): FetchRequest {
  const haves = new Set(held)
  const wants = new Set(moves.map(({ newOid }) => newOid).filter((oid) => !haves.has(oid)))
  return { protocol, objectFormat, wants: [...wants], haves: [...haves] }
}

function outcomeOf(update: Change, targetRefs: RefListing, report: ReportStatus | undefined, explain: (ref: string, said: string) => Explanation): RelayOutcome {
  const { ref } = update
  const oid = update.kind === 'delete' ? zeroOid(targetRefs.objectFormat) : update.newOid
  const said = report?.refs.get(ref) ?? { rejected: 'it said nothing about this ref' }
  if (said.rejected === undefined) return { ref, oid: said.newOid ?? oid, status: 'ok' }
  return { ref, oid, status: 'rejected', ...explain(ref, said.rejected) }
}
