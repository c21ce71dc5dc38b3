import pLimit from 'p-limit'
import { throwIfAborted } from '@saddle/transport'
import { batchesOf } from '../git/lfs/batch.ts'
import { missingAt } from '../git/lfs/links.ts'
import { pathsOfPointers } from '../git/lfs/tips.ts'
import type { MigrationPlan } from '../plan.ts'
import { lfsLosses } from '../translate/losses.ts'
import { counted, type StepContext, type StepPlan } from './step.ts'
import { isEverything } from './transfer-lfs.ts'

/** More than this are not asked about beforehand: each hundred is a request. */
const mostObjects = 10_000
const requestsAtOnce = 4

/**
 * The Git LFS objects that are to be moved, and those of them that the source does not have: a plan tells them, since a target
 * refuses refs that lead to them. Which are missing is good to know, and worth no failure.
 */
export async function lookAtLfs(context: StepContext): Promise<Pick<MigrationPlan, 'lfs'> & Pick<StepPlan, 'losses' | 'problems'>> {
  const { inspection, signal } = context
  const objects = await inspection.lfsObjects(isEverything(context))
  if (!objects) return {}
  const lfs = { objects: objects.length, bytes: objects.reduce((sum, { size }) => sum + size, 0) }
  if (objects.length > mostObjects) return { lfs }
  try {
    const limit = pLimit(requestsAtOnce)
    const source = await inspection.sourceRemote()
    const missing = (await Promise.all(batchesOf(objects).map((batch) => limit(() => missingAt(source, batch, signal))))).flat()
    if (missing.length === 0) return { lfs: { ...lfs, missing: 0 } }
    const paths = await pathsOfPointers(await inspection.lfsTips(), new Set(missing.map(({ oid }) => oid)))
    const message =
      `The source does not have ${counted(missing.length, 'Git LFS object')} of the ${objects.length} that its history names. GitHub can refuse refs that lead to them (GH008). ` +
      'Upload them to the source with `git lfs push --all` from a clone that has them.'
    return { lfs: { ...lfs, missing: missing.length }, losses: lfsLosses(missing, paths), problems: [{ severity: 'warning', code: 'LFS_OBJECTS_MISSING', message }] }
  } catch {
    throwIfAborted(signal)
    return { lfs }
  }
}
