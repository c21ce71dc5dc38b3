import { SaddleError } from '@saddle/transport'
import { findPointersInClone } from '../git/lfs/find-in-clone.ts'
import type { LfsObject } from '../git/lfs/pointer.ts'
import { pathsOfPointers } from '../git/lfs/tips.ts'
import { transferLfsObjects } from '../git/lfs/transfer.ts'
import { lfsLosses, lfsUnreadable } from '../translate/losses.ts'
import { changes } from '../translate/refs.ts'
import { counted, type RunContext, type Step, type StepContext, type StepPlan } from './step.ts'
import { TransferMeter } from './transfer-meter.ts'

/** Moves the Git LFS objects that the refs need: a target refuses refs that lead to pointers without their objects. */
export const transferLfs: Step = {
  name: 'transfer-lfs',

  async plan(context: StepContext): Promise<StepPlan> {
    const { inspection, request } = context
    const moving = changes(await inspection.updates()).filter(({ kind }) => kind !== 'delete')
    const everything = isEverything(context)
    if (moving.length === 0 && !everything) return { actions: [] }
    if ((await inspection.sourceRefs()).refs.size === 0) return { actions: [] }
    const lfs = await inspection.lfs()
    if (lfs !== true) {
      const losses = everything && (await inspection.lfsAttributes()) === true ? [lfsUnreadable(lfs === false ? switchedOff : notAllowed)] : []
      return { actions: [], losses }
    }
    // Then nothing is sent; the step that moves the refs says why.
    if (!request.options.force && (await inspection.diverged()).length > 0) return { actions: [] }
    const objects = await inspection.lfsObjects(everything)
    if (!objects) return { actions: ['Look for Git LFS objects in a clone on this machine, and move them'] }
    if (objects.length === 0) return { actions: [] }
    return { actions: [`Move those of ${counted(objects.length, 'Git LFS object')} (${mebibytes(objects)} MiB) that the target lacks`] }
  },

  async run(context: RunContext): Promise<void> {
    const { inspection, journal, results, retry, signal } = context
    const objects = (await inspection.lfsObjects(isEverything(context))) ?? (await searchInClone(context))
    if (!objects || objects.length === 0) return
    const meter = new TransferMeter((event) => context.report(event), undefined)
    const totalBytes = bytesOf(objects)
    const { missing, damaged, transferred, bytes, present } = await journal.around('lfs.transfer', async () =>
      transferLfsObjects({
        source: await inspection.sourceRemote(),
        target: inspection.targetRemote(),
        objects,
        retry,
        signal,
        onProgress: ({ bytes, objects: done, bytesDone }) =>
          meter.report({ phase: 'lfs', bytes, objects: done, totalObjects: objects.length, share: Math.min(1, bytesDone / totalBytes) }),
      }),
    )
    results.lfs = { transferred, bytes, present, missing: missing.length + damaged.length }
    const paths = await pathsOf([...missing, ...damaged], context)
    for (const loss of [...lfsLosses(missing, paths), ...lfsLosses(damaged, paths, true)]) context.lose(loss)
  },
}

const switchedOff = 'Branches hand files to Git LFS, which is switched off at the source. Switch it on there and run again.'
const notAllowed = 'Branches hand files to Git LFS, which the credentials may not read at the source. Give others and run again.'

/**
 * The whole history is searched at first, and again as long as something was missing; after that only what is new. Objects of
 * what the target has were there before its refs could move.
 */
export const isEverything = ({ inspection, remembered }: Pick<StepContext, 'inspection' | 'remembered'>): boolean =>
  inspection.thorough || remembered === undefined || remembered.losses.some(({ kind }) => kind === 'lfs-objects')

/** For a source that sends whole histories only. */
async function searchInClone(context: RunContext): Promise<LfsObject[] | undefined> {
  const { inspection, request: { options: { git, namespaces } }, signal } = context
  const without = (reason: string) =>
    context.lose(lfsUnreadable(`The source does not send small files alone (protocol version 2 with filters), so that Git LFS objects have to be found in a clone, and ${reason}`))
  if (git === 'relay' || git === 'isomorphic') return void without(`the request asks for the backend ${git}. Leave the choice open and run again.`)
  const text = 'The source does not send small files alone: looking for Git LFS objects in a clone on this machine.'
  context.report({ type: 'message', level: 'info', text })
  const [sourceRefs, targetRefs] = [await inspection.sourceRefs(), await inspection.targetRefs()]
  const updates = [...sourceRefs.refs].flatMap(([ref, { oid: newOid }]) =>
    namespaces.some((prefix) => ref.startsWith(prefix)) ? [{ ref, kind: 'create', newOid } as const] : [],
  )
  try {
    return await findPointersInClone({ source: await inspection.sourceRemote(), target: inspection.targetRemote(), sourceRefs, targetRefs, updates }, updates, { signal })
  } catch (thrown) {
    const error = SaddleError.from(thrown)
    if (error.code !== 'BACKEND_UNAVAILABLE') throw error
    return void without('there is no git program here. Install git and run again.')
  }
}

/** Where on the branches the pointers to objects are. Good to know, and worth no failure. */
async function pathsOf(objects: readonly LfsObject[], { inspection }: StepContext): Promise<Map<string, string>> {
  if (objects.length === 0) return new Map()
  return pathsOfPointers(await inspection.lfsTips(), new Set(objects.map(({ oid }) => oid))).catch(() => new Map<string, string>())
}

const bytesOf = (objects: readonly LfsObject[]): number => objects.reduce((sum, { size }) => sum + size, 0)

const mebibytes = (objects: readonly LfsObject[]): string => (bytesOf(objects) / 1024 ** 2).toFixed(1)
