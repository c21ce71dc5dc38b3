import type { RefUpdate } from '@saddle/git-relay'
import { errorCodes, retry, SaddleError } from '@saddle/transport'
import type { RefOutcome, TransferProgress } from '../git/backend.ts'
import type { RejectedRef } from '../record.ts'
import { targetName } from '../request.ts'
import { changes, nameRefs } from '../translate/refs.ts'
import { counted, type RunContext, type Step, type StepContext, type StepPlan } from './step.ts'
import { TransferMeter } from './transfer-meter.ts'

/** How often a transfer that broke off is begun again; what arrived in between is not sent twice. */
const attempts = 4
/** The journal's key for a push. */
const pushKey = 'git.push'

/** Moves what the target lacks, and its refs. */
export const transferGit: Step = {
  name: 'transfer-git',

  async plan({ inspection, request }: StepContext): Promise<StepPlan> {
    const updates = await inspection.updates()
    const of = (kind: RefUpdate['kind']) => updates.filter((update) => update.kind === kind).length
    const actions: string[] = []
    if (of('create')) actions.push(`Create ${counted(of('create'), 'ref')}`)
    if (of('update')) actions.push(`Update ${counted(of('update'), 'ref')}`)
    if (of('delete')) actions.push(`Delete ${counted(of('delete'), 'ref')} that the source does not have`)
    if ((await inspection.stepsLeft()).length) actions.push('Delete what an interrupted transfer left')
    const diverged = await inspection.diverged()
    if (diverged.length === 0) return { actions }
    const names = nameRefs(diverged)
    if (request.options.force) {
      const message = `What only the target has on ${counted(diverged.length, 'diverged ref')} is overwritten: ${names}.`
      return { actions, problems: [{ severity: 'warning', code: 'REF_DIVERGED', message, refs: diverged }] }
    }
    const message =
      `${counted(diverged.length, 'ref')} of ${targetName(request)} diverged, so that moving them would lose what only the target has: ${names}. ` +
      'Nothing was sent. Save what is there, or overwrite it with `force` (command: --force).'
    return { actions, problems: [{ severity: 'error', code: 'REF_DIVERGED', message, refs: diverged }] }
  },

  async run(context: RunContext): Promise<void> {
    const rejected = await retry(
      async (attempt) => {
        const unsettled = context.journal.unsettled(pushKey)
        const refused = await stillRejected(await transfer(context), context)
        // A push whose connection broke, or whose process died, may be moving the very ref at this moment.
        if ((unsettled || attempt > 1) && attempt < attempts && refused.some(({ code }) => code === 'REF_REJECTED')) throw rejection(refused, context, true)
        return refused
      },
      {
        ...context.retry,
        attempts,
        signal: context.signal,
        onRetry: ({ error, waitMs }) => {
          context.inspection.forgetRefs('both')
          const text = `The transfer broke off: ${error.message} Trying again in ${Math.ceil(waitMs / 1000)} s.`
          context.report({ type: 'message', level: 'warning', text })
        },
      },
    )
    if (rejected.length > 0) throw rejection(rejected, context)
  },
}

/**
 * The refs that were refused and are not where they belong: a push whose connection broke can still be carried out while
 * it is repeated, and the repetition is refused then.
 */
async function stillRejected(outcomes: readonly RefOutcome[], { inspection }: RunContext): Promise<RejectedRef[]> {
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  if (refused.length === 0) return []
  const { refs: wanted } = await inspection.sourceRefs()
  const { refs: found } = await inspection.targetRefs()
  return refused
    .filter(({ ref }) => found.get(ref)?.oid !== wanted.get(ref)?.oid)
    .map(({ ref, code = 'REF_REJECTED', reason = 'It gives no reason.' }) => ({ ref, code, reason }))
}

async function transfer(context: RunContext): Promise<RefOutcome[]> {
  const { inspection } = context
  const updates = changes(await inspection.updates())
  const wereStepsLeft = (await inspection.stepsLeft()).length > 0
  const outcomes: RefOutcome[] = []
  const send = async (part: RefUpdate[]) => {
    if (part.length === 0) return
    outcomes.push(...(await push(context, part)))
    note(context, updates, outcomes)
  }
  const [first, last] = await inTwo(context, updates)
  await send(first)
  if (last.length > 0) await leaveDefaultBranch(context)
  await send(last)
  if (wereStepsLeft) {
    // Only now: what they lead to did not have to be sent again.
    const steps = await inspection.stepsLeft()
    if (steps.length > 0) await push(context, steps)
  }
  return outcomes
}

async function push(context: RunContext, updates: RefUpdate[]): Promise<RefOutcome[]> {
  const { inspection, git, journal, packBytes, results, signal, telemetry } = context
  const [sourceRefs, targetRefs] = [await inspection.sourceRefs(), await inspection.targetRefs()]
  const meter = new TransferMeter((event) => context.report(event), await inspection.size())
  const onProgress = (progress: TransferProgress) => {
    if (progress.notice !== undefined) context.report({ type: 'message', level: 'info', text: progress.notice })
    else meter.report(progress)
  }
  const transfer = { source: await inspection.sourceRemote(), target: inspection.targetRemote(), sourceRefs, targetRefs, updates, sourceBytes: await inspection.size(), limits: { packBytes } }
  const { packBytes: bytes, objects, outcomes, messages, backend } = await journal.around(pushKey, () =>
    telemetry.pack(git.backend.name, () => git.backend.transfer(transfer, { signal, onProgress })),
  )
  meter.end(bytes, objects)
  // What was listed before is of no use any more.
  inspection.forgetRefs('target')
  results.transferred = { bytes: results.transferred.bytes + bytes, objects: results.transferred.objects + objects }
  if (backend) results.gitBackend = backend
  for (const text of messages) context.report({ type: 'message', level: 'info', text: `The target says: ${text}` })
  return outcomes
}

/** A default branch that shall be deleted goes last, after another one took its place: the target refuses otherwise. */
async function inTwo({ inspection }: RunContext, updates: RefUpdate[]): Promise<[RefUpdate[], RefUpdate[]]> {
  const current = `refs/heads/${(await inspection.target())?.defaultBranch ?? ''}`
  const isLast = (update: RefUpdate) => update.kind === 'delete' && update.ref === current
  return [updates.filter((update) => !isLast(update)), updates.filter(isLast)]
}

async function leaveDefaultBranch({ inspection, github, journal, request: { target }, signal }: RunContext): Promise<void> {
  const branch = await inspection.defaultBranch()
  if (!branch?.exists) return
  const defaultBranch = branch.ref.replace(/^refs\/heads\//, '')
  const change = () => github.updateRepository(target.owner, target.name, { defaultBranch }, { signal })
  inspection.setTarget(await journal.around('repository.default-branch', change))
}

function note({ results }: RunContext, updates: readonly RefUpdate[], outcomes: readonly RefOutcome[]): void {
  const kinds = new Map(updates.map(({ ref, kind }) => [ref, kind]))
  const moved = (wanted: RefUpdate['kind']) => outcomes.filter(({ ref, status }) => status === 'ok' && kinds.get(ref) === wanted).length
  results.refs = {
    verified: 0,
    created: moved('create'),
    updated: moved('update'),
    unchanged: results.refs?.unchanged ?? 0,
    deleted: moved('delete'),
    rejected: [],
  }
}

function rejection(rejected: RejectedRef[], { request, results }: RunContext, retryable = false): SaddleError {
  if (results.refs) results.refs.rejected = rejected
  const [first] = rejected
  // A backend of somebody's own can have codes of its own.
  const code = errorCodes.find((known) => rejected.every((ref) => ref.code === known)) ?? 'REF_REJECTED'
  const names = nameRefs(rejected.map(({ ref }) => ref))
  return new SaddleError(
    code,
    `${targetName(request)} refused ${counted(rejected.length, 'ref')}: ${names}. ${rejected.length > 1 ? 'The first: ' : ''}${first?.reason} All other refs arrived.`,
    { retryable, context: { refs: rejected.map(({ ref }) => ref) } },
  )
}
