import type { RefUpdate } from '@saddle/git-relay'
import { SaddleError } from '@saddle/transport'
import type { GitTransfer, RefOutcome, TransferProgress, TransferResult } from './backend.ts'
import { sendInSteps, type CommitGraph, type NotSent } from './steps.ts'

/** What one push did. */
export interface SentPart extends TransferResult {
  sent: true
}

/** What {@link pushInParts} needs of a backend. */
export interface PartsOptions {
  request: GitTransfer
  /**
   * Makes one push of these updates, with everything that the target lacks for them.
   *
   * @param held - what the target has been sent by earlier pushes of this transfer, besides what its listing tells
   */
  send: (updates: readonly Change[], held: readonly string[]) => Promise<SentPart | NotSent>
  /** The commits that the target lacks. Throws where the history cannot be cut. */
  graph: () => Promise<CommitGraph>
  /** Whether one push for all is not even tried. */
  isKnownTooLarge?: boolean
  onProgress?: ((progress: TransferProgress) => void) | undefined
}

/** An update that changes something. */
export type Change = Exclude<RefUpdate, { kind: 'unchanged' }>

/**
 * Moves all refs in one push; and where that is over the target's limit, in steps along the history, then the rest, then
 * deletes the branches that were made on the way. Every push is complete in itself, so whoever is interrupted lists both
 * sides again and goes on.
 *
 * @returns the outcomes for each update of the request, and how many steps it took
 */
export async function pushInParts({ request, send, graph, isKnownTooLarge = false, onProgress }: PartsOptions): Promise<TransferResult & { steps: number }> {
  const changes = request.updates.filter((update) => update.kind !== 'unchanged')
  const result: TransferResult = { packBytes: 0, objects: 0, outcomes: [], messages: [] }
  const outcomes = new Map<string, RefOutcome>()
  const moved = new Map<string, string>()
  let steps = 0

  const push = async (updates: readonly Change[]): Promise<SentPart | NotSent> => {
    if (updates.length === 0) return { sent: true, packBytes: 0, objects: 0, outcomes: [], messages: [] }
    const part = await send(updates, [...moved.values()])
    if (!part.sent) return part
    result.packBytes += part.packBytes
    result.objects += part.objects
    result.messages.push(...part.messages)
    for (const outcome of part.outcomes) outcomes.set(outcome.ref, outcome)
    return part
  }
  /** The changes as they are to be said now, after branches have moved in steps. */
  const rest = (): Change[] =>
    changes.flatMap((update): Change[] => {
      const oldOid = moved.get(update.ref)
      if (update.kind === 'delete') return outcomes.has(update.ref) ? [] : [update]
      if (oldOid === undefined) return [update]
      return oldOid === update.newOid ? [] : [{ ref: update.ref, kind: 'update', oldOid, newOid: update.newOid }]
    })

  if (isKnownTooLarge || !(await push(changes)).sent) {
    const commits = await graph()
    // A deleted `a` makes room for `a/b`.
    await push(changes.filter(({ kind }) => kind === 'delete'))
    const made = await sendInSteps({
      graph: commits,
      // What a tag names in the end is what a branch can be moved to on the way.
      updates: changes.map((update) => (update.kind === 'delete' ? update : { ...update, newOid: request.sourceRefs.refs.get(update.ref)?.peeled ?? update.newOid })),
      taken: request.targetRefs.refs,
      defaultBranch: request.sourceRefs.head,
      packBytes: request.limits?.packBytes ?? Infinity,
      expectedBytes: isKnownTooLarge ? request.sourceBytes : undefined,
      sendAll: async () => bytesOf(await push(rest())),
      send: async ({ ref, oldOid, newOid }) => {
        const part = await push([oldOid === undefined ? { ref, kind: 'create', newOid } : { ref, kind: 'update', oldOid, newOid }])
        const outcome = outcomes.get(ref)
        if (part.sent && outcome?.status === 'rejected') throw stepRefused(outcome)
        if (part.sent) moved.set(ref, newOid)
        return bytesOf(part)
      },
      onStep: ({ number, ref, commitsLeft }) => {
        steps = number
        onProgress?.({ phase: 'streaming', bytes: result.packBytes, objects: result.objects, notice: `Step ${number}: ${JSON.stringify(ref)} moved, ${commitsLeft} commits left` })
      },
    })
    await push([...made].flatMap((ref): Change[] => (moved.has(ref) ? [{ ref, kind: 'delete', oldOid: moved.get(ref)! }] : [])))
  }
  return { ...result, steps, outcomes: request.updates.map(({ ref }) => outcomes.get(ref) ?? { ref, status: 'ok' }) }
}

const bytesOf = (part: SentPart | NotSent) => (part.sent ? { sent: true as const, bytes: part.packBytes } : part)

function stepRefused({ ref, code, reason }: RefOutcome): SaddleError {
  return new SaddleError(
    'REF_REJECTED',
    `The target refused to move ${JSON.stringify(ref)} on its way (${code ?? 'REF_REJECTED'}): ${reason ?? 'no reason given'}`,
    { context: { refs: [ref] } },
  )
}
