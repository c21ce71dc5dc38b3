import { SaddleError } from '@saddle/transport'
import { sourceName, targetName } from '../request.ts'
import { compareRefs, nameRefs } from '../translate/refs.ts'
import { counted, type RunContext, type Step, type StepContext, type StepPlan } from './step.ts'

/**
 * Compares the target's refs, as read back from it, with the source's, hash for hash. A commit's hash covers its whole
 * history, and a target checks that it has that history before it moves a ref.
 */
export const verify: Step = {
  name: 'verify',

  async plan({ inspection, request }: StepContext): Promise<StepPlan> {
    const { source } = compareRefs(await inspection.sourceRefs(), await inspection.targetRefs(), request.options.namespaces)
    return { actions: [`Read back ${counted(source, 'ref')} and compare`] }
  },

  async run({ inspection, request, results }: RunContext): Promise<void> {
    const { namespaces, prune } = request.options
    // Listed anew since the last push. Without one, the listing from the beginning is the reading back.
    const { equal, missing, different, extra } = compareRefs(await inspection.sourceRefs(), await inspection.targetRefs(), namespaces)
    const { created = 0, updated = 0, deleted = 0, rejected = [] } = results.refs ?? {}
    results.refs = { created, updated, deleted, rejected, verified: equal, unchanged: Math.max(0, equal - created - updated) }
    const wrong = [...missing, ...different, ...(prune ? extra : [])]
    if (wrong.length === 0) return
    throw new SaddleError(
      'VERIFICATION_FAILED',
      `${targetName(request)} does not show what was pushed: ${counted(wrong.length, 'ref')} read back from it ${wrong.length === 1 ? 'differs' : 'differ'} from ${sourceName(request)}: ${nameRefs(wrong)}. ` +
        'Somebody else may have moved them meanwhile; run the migration again.',
      { context: { refs: wrong } },
    )
  },
}
