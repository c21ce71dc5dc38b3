import { createHash } from 'node:crypto'
import { abortError, SaddleError, type ErrorCode, type GitRemote } from '@saddle/transport'
import { fetchPack } from './fetch-pack.ts'
import type { OnProgress, RelayPhase } from './progress.ts'
import { pushPack } from './push-pack.ts'
import type { ObjectFormat, RefListing, RefUpdate } from './refs.ts'
import { explainRejection, unpackError } from './rejection.ts'
import { parseProgressLine, RemoteText } from './remote-text.ts'
import type { ReportStatus } from './report-status.ts'

/** Options of {@link relayPack}. */
export interface RelayOptions {
  source: GitRemote
  target: GitRemote
  sourceRefs: RefListing
  targetRefs: RefListing
  /** What is to become of the target's refs; those that stay as they are cost nothing. */
  updates: readonly RefUpdate[]
  signal?: AbortSignal | undefined
  onProgress?: OnProgress | undefined
  /** Bytes of pack after which to stop with `PACK_TOO_LARGE`; no ref has moved then. */
  packLimit?: number | undefined
  /** Objects that the target holds besides what its refs lead to, as known from earlier pushes of the same run. */
  haves?: readonly string[] | undefined
}

/** What became of one ref. */
export interface RelayOutcome {
  ref: string
  status: 'ok' | 'rejected'
  /** For a rejection: what kind it is. */
  code?: ErrorCode
  /** For a rejection: what the target said, and what to do. */
  reason?: string
}

/** What a relay did. */
export interface RelayResult {
  /** Bytes of pack that went from source to target. */
  packBytes: number
  objects: number
  /** One for each update that was not `unchanged`, in their order. */
  outcomes: RelayOutcome[]
  /** What the target wrote for people, line by line, sanitised. */
  messages: string[]
}

/** Longest time in which nothing moves on either side before both are given up, in milliseconds. */
const patienceMs = 15 * 60_000
const reportEveryMs = 100

/**
 * Moves refs of the target, streaming what it lacks from the source: one request to each, nothing stored, nothing
 * decoded. The push is opened when the first bytes of the pack are there, since a source may count for minutes while a
 * target drops a connection on which nothing happens. A pack that does not come whole is never completed towards the
 * target, which then drops what it got.
 *
 * @throws what kept the pack from arriving, from either side: then no ref has moved. A ref that the target refuses is an
 * outcome, not an error.
 */
export async function relayPack(options: RelayOptions): Promise<RelayResult> {
  const { source, target, sourceRefs, targetRefs } = options
  const updates = options.updates.filter(({ kind }) => kind !== 'unchanged')
  if (updates.length === 0) return { packBytes: 0, objects: 0, outcomes: [], messages: [] }

  const run = new RelayRun(options)
  const { signal } = run
  let pack: AsyncGenerator<Uint8Array> | undefined
  try {
    if (updates.some(({ kind }) => kind !== 'delete')) {
      const wants = missingTips(updates, targetRefs)
      const haves = [...new Set([...[...targetRefs.refs.values()].map(({ oid }) => oid), ...targetRefs.haves, ...(options.haves ?? [])])]
      const { protocol, objectFormat } = sourceRefs
      const { onSourceText: onText, onActivity } = run
      const pieces = wants.length > 0 ? fetchPack(source, { protocol, objectFormat, wants, haves }, { signal, patience: 0, onText, onActivity }) : emptyPack(objectFormat)
      pack = await begun(run.counted(pieces))
    }
    const { onTargetText: onText, onActivity } = run
    const report = await pushPack(target, { updates, targetRefs, pack }, { signal, onText, onActivity })
    return run.result(updates, report)
  } catch (error) {
    // A source that fails breaks the push off as well: what happened first is what is told.
    throw run.sourceFailure ?? run.silence ?? (options.signal?.aborted ? abortError(options.signal) : error)
  } finally {
    run.end()
    await pack?.return(undefined)
  }
}

/** The state of one relay: what was counted, what was said, and the watch over both connections. */
class RelayRun {
  readonly signal: AbortSignal
  sourceFailure: unknown
  silence: SaddleError | undefined
  readonly #options: RelayOptions
  readonly #given = new AbortController()
  readonly #abort = () => this.#given.abort(this.#options.signal?.reason)
  readonly #messages: string[] = []
  readonly #sourceText = new RemoteText((line) => this.#line(line, false))
  readonly #targetText = new RemoteText((line) => this.#line(line, true))
  readonly #watch: NodeJS.Timeout
  #packBytes = 0
  #objects = 0
  #reported = 0

  constructor(options: RelayOptions) {
    this.#options = options
    this.signal = this.#given.signal
    if (options.signal?.aborted) this.#abort()
    options.signal?.addEventListener('abort', this.#abort, { once: true })
    this.#watch = setTimeout(() => {
      this.silence = new SaddleError('TIMEOUT', `Nothing has moved between source and target for ${patienceMs / 60_000} minutes; the transfer was given up. Run again: what arrived is not sent twice.`)
      this.#given.abort(this.silence)
    }, patienceMs)
  }

  readonly onActivity = (): void => void this.#watch.refresh()
  readonly onSourceText = (bytes: Buffer): void => this.#sourceText.push(bytes)
  readonly onTargetText = (bytes: Buffer): void => this.#targetText.push(bytes)

  /** Passes a pack on, counts it, and reads from its header how many objects it holds. */
  async *counted(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { packLimit = Infinity } = this.#options
    let header = Buffer.alloc(0)
    try {
      for await (const piece of pieces) {
        if (header.length < 12) {
          header = Buffer.concat([header, piece.subarray(0, 12 - header.length)])
          if (header.length === 12) this.#objects = header.readUInt32BE(8)
        }
        this.#packBytes += piece.length
        if (this.#packBytes > packLimit) throw tooLarge(packLimit)
        this.onActivity()
        this.#transferring()
        yield piece
      }
      this.#transferring(true)
    } catch (error) {
      this.sourceFailure ??= this.signal.aborted ? undefined : error
      throw error
    }
  }

  result(updates: readonly RefUpdate[], report: ReportStatus): RelayResult {
    this.#targetText.end()
    const messages = this.#messages
    if (report.unpack !== 'ok') throw unpackError(report.unpack, messages)
    const outcomes = updates.map(({ ref }): RelayOutcome => {
      const said = report.refs.get(ref)
      if (said && said.rejected === undefined) return { ref, status: 'ok' }
      return { ref, status: 'rejected', ...explainRejection(ref, said?.rejected ?? 'it said nothing about it', messages) }
    })
    return { packBytes: this.#packBytes, objects: this.#objects, outcomes, messages }
  }

  end(): void {
    clearTimeout(this.#watch)
    this.#options.signal?.removeEventListener('abort', this.#abort)
    // Whatever is still under way on either side has lost its purpose.
    this.#given.abort()
  }

  #transferring(now = false): void {
    const at = performance.now()
    if (!now && at - this.#reported < reportEveryMs) return
    this.#reported = at
    this.#progress('transferring', now ? this.#objects : 0, this.#objects)
  }

  #line(text: string, fromTarget: boolean): void {
    const { source, target } = this.#options
    const line = source.http.redactor.redact(target.http.redactor.redact(text))
    const progress = parseProgressLine(line)
    if (progress) this.#progress(fromTarget ? 'resolving' : progress.phase, progress.objects, progress.totalObjects)
    else if (fromTarget) this.#messages.push(line)
    else this.#progress('counting', 0, undefined, line)
  }

  #progress(phase: RelayPhase, objects: number, totalObjects?: number, message?: string): void {
    this.#options.onProgress?.({
      phase,
      bytes: this.#packBytes,
      objects,
      ...(totalObjects === undefined ? {} : { totalObjects }),
      ...(message === undefined ? {} : { message }),
    })
  }
}

/** What the updates point to and no ref of the target does. */
function missingTips(updates: readonly RefUpdate[], targetRefs: RefListing): string[] {
  const held = new Set([...targetRefs.refs.values()].map(({ oid }) => oid))
  const tips = new Set(updates.flatMap((update) => (update.kind === 'delete' ? [] : [update.newOid])))
  return [...tips].filter((oid) => !held.has(oid))
}

/** The pack without objects, for refs to what the target has already: git-receive-pack wants one all the same. */
async function* emptyPack(format: ObjectFormat): AsyncGenerator<Uint8Array> {
  const header = Buffer.from('5041434b0000000200000000', 'hex')
  yield Buffer.concat([header, createHash(format).update(header).digest()])
}

/** Waits for the first piece and returns the whole, that piece included. */
async function begun(pieces: AsyncGenerator<Uint8Array>): Promise<AsyncGenerator<Uint8Array>> {
  const first = await pieces.next()
  return (async function* () {
    try {
      if (!first.done) yield first.value
      yield* pieces
    } finally {
      await pieces.return(undefined)
    }
  })()
}

const tooLarge = (limitBytes: number): SaddleError =>
  new SaddleError('PACK_TOO_LARGE', `The pack is over the limit of ${limitBytes} bytes for one push; nothing has moved. Transfer the history in steps.`, {
    context: { limitBytes },
  })
