/**
 * The pack relay: git objects stream from server to server.
 *
 * @module @saddle/core/git/relay
 */
import { canFilter, fetchCommits, relayPack, tipsOf } from '@saddle/git-relay'
import { SaddleError, type ErrorCode } from '@saddle/transport'
import type { GitBackend, GitTransfer, TransferOptions, TransferResult } from './backend.ts'
import { pushInParts, type PartsOptions } from './parts.ts'
import { phases } from './phases.ts'
import type { CommitGraph } from './steps.ts'

/**
 * Streams one pack from the source into the target: no clone, no disk, memory that does not grow with the repository.
 * Where the pack is over the target's limit and the source speaks protocol version 2 with filters, it fetches the commits
 * alone, cuts the history along them, and streams it step by step.
 */
export class RelayBackend implements GitBackend {
  readonly name = 'relay'

  async transfer(request: GitTransfer, options: TransferOptions = {}): Promise<TransferResult> {
    const { targetRefs, sourceBytes, limits } = request
    const relay = new SteppingRelay(request, options)
    // What a repository takes on disk is more than what its pack does, but not by half.
    const isKnownTooLarge = targetRefs.refs.size === 0 && (sourceBytes ?? 0) > 1.5 * (limits?.packBytes ?? Infinity) && (await relay.canStep())
    const { steps, ...result } = await pushInParts({ request, send: relay.send, graph: relay.graph, isKnownTooLarge, onProgress: options.onProgress })
    if (steps === 0) return result
    return { ...result, backend: { name: this.name, reason: `It streams from server to server and needs no disk; in ${steps} steps, since the whole is over what the target takes in one push.` } }
  }
}

/** What a source says that can be fetched from, but not in parts. */
const uncuttable: ReadonlySet<ErrorCode> = new Set(['CONFLICT', 'PROTOCOL_ERROR', 'UPSTREAM_ERROR', 'PACK_CORRUPT', 'PACK_TOO_LARGE'])

/** One transfer, push by push. */
class SteppingRelay {
  readonly #request: GitTransfer
  readonly #options: TransferOptions
  /** Bytes of all packs, those that were broken off included. */
  #bytes = 0
  #tooLarge: SaddleError | undefined
  #inSteps = false

  constructor(request: GitTransfer, options: TransferOptions) {
    this.#request = request
    this.#options = options
  }

  /** Whether the source serves the commits alone, and any commit that is asked for. */
  async canStep(): Promise<boolean> {
    const { source, sourceRefs } = this.#request
    return sourceRefs.protocol === 2 && canFilter(source, this.#options)
  }

  readonly send: PartsOptions['send'] = async (updates, held) => {
    const { source, target, sourceRefs, targetRefs, limits } = this.#request
    const { signal, onProgress } = this.#options
    const before = this.#bytes
    let bytes = 0
    try {
      const { outcomes, ...sent } = await relayPack({
        source, target, sourceRefs, targetRefs, updates, signal,
        haves: held,
        packLimit: limits?.packBytes,
        onProgress: ({ phase, objects, totalObjects, message, ...progress }) => {
          bytes = progress.bytes
          // The objects of one step are no part of anything that is known.
          const counts = this.#inSteps || totalObjects === undefined ? {} : { totalObjects }
          onProgress?.({ phase: phases[phase], bytes: before + bytes, objects: this.#inSteps ? 0 : objects, ...counts, ...(message === undefined ? {} : { message }) })
        },
      })
      return { sent: true, ...sent, outcomes }
    } catch (thrown) {
      const error = SaddleError.from(thrown)
      if (error.code === 'PACK_TOO_LARGE') {
        this.#tooLarge = error
        return { sent: false, bytes }
      }
      // A source that gives out what its refs point to need not give out what lies in between.
      throw this.#inSteps && error.code === 'CONFLICT' ? this.#cannotStep(error) : error
    } finally {
      this.#bytes += bytes
    }
  }

  readonly graph = async (): Promise<CommitGraph> => {
    const { source, sourceRefs: { objectFormat }, targetRefs, updates } = this.#request
    const { signal, onProgress } = this.#options
    if (!(await this.canStep())) throw this.#cannotStep()
    this.#inSteps = true
    onProgress?.({ phase: 'counting', bytes: this.#bytes, objects: 0, notice: 'The pack is larger than the target takes in one push: going on in steps.' })
    const wants = new Set(updates.flatMap((update) => (update.kind === 'create' || update.kind === 'update' ? [update.newOid] : [])))
    const haves = new Set(tipsOf(targetRefs))
    try {
      return await fetchCommits(source, { objectFormat, wants: [...wants].filter((oid) => !haves.has(oid)), haves: [...haves], signal })
    } catch (thrown) {
      const error = SaddleError.from(thrown)
      throw uncuttable.has(error.code) ? this.#cannotStep(error) : error
    }
  }

  #cannotStep(cause?: SaddleError): SaddleError {
    const { code, message, context } = this.#tooLarge ?? new SaddleError('PACK_TOO_LARGE', 'The pack is larger than the target takes in one push.')
    const why = cause ? `It says: ${cause.message}` : 'It would have to speak version 2 of the git protocol and allow filters (uploadpack.allowFilter).'
    return new SaddleError(code, `${message} The source does not let its history be fetched in parts. ${why}`, { cause, context })
  }
}
