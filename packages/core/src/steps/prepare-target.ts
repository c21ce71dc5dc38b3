import type { TargetRepository } from '@saddle/github-client'
import { retry, SaddleError } from '@saddle/transport'
import { creationKey, isOurs, markedBy, ownershipMarker } from '../ownership.ts'
import { targetName } from '../request.ts'
import { changes } from '../translate/refs.ts'
import { wantedSettings } from './settings.ts'
import type { RunContext, Step, StepContext, StepPlan } from './step.ts'

/** Sees to it that there is a repository to push to: creates it under a marker, or opens an archived one. */
export const prepareTarget: Step = {
  name: 'prepare-target',

  async plan(context: StepContext): Promise<StepPlan> {
    const { inspection, request } = context
    const target = await inspection.target()
    if (!target) return { actions: [`Create the ${request.target.visibility} repository ${targetName(request)}`] }
    if (!target.archived || !(await hasWork(context))) return { actions: [] }
    if (request.options.settings) return { actions: [`Unarchive ${targetName(request)}, since there is something to write`] }
    const message = `${targetName(request)} is archived, so that nothing can be written to it. Unarchive it, or let the migration take over settings.`
    return { actions: [], problems: [{ severity: 'error', code: 'FORBIDDEN', message }] }
  },

  async run(context: RunContext): Promise<void> {
    const { inspection, request: { target: { owner, name } }, github, journal, signal } = context
    const target = await inspection.target()
    if (target) {
      const opened = await journal.around('repository.unarchive', () => github.updateRepository(owner, name, { archived: false }, { signal }))
      inspection.setTarget(opened)
      inspection.forgetRefs('target')
      return
    }
    inspection.setTarget(await create(context))
    inspection.forgetRefs('target')
    // The transfer needs the refs anyway.
    await github.waitUntilReady(owner, name, { signal, look: () => inspection.targetRefs() })
  },
}

async function hasWork(context: StepContext): Promise<boolean> {
  if (changes(await context.inspection.updates()).length > 0) return true
  const { archived, ...settings } = await wantedSettings(context)
  return archived === false || Object.keys(settings).length > 0
}

/**
 * Creates the repository. Its creation cannot simply be repeated: when no answer comes, it may exist. So the target is
 * asked, and the marker says whether it is ours.
 */
async function create(context: RunContext): Promise<TargetRepository> {
  const { id, request: { target: { owner, name, visibility } }, github, journal, ownership, signal } = context
  const description = ownershipMarker(id)
  return journal.around(
    creationKey,
    () =>
      retry(
        async () => {
          try {
            return await github.createRepository({ owner, name, description, visibility }, { signal })
          } catch (thrown) {
            const error = SaddleError.from(thrown)
            if (!error.retryable && error.code !== 'ALREADY_EXISTS' && error.code !== 'PROTOCOL_ERROR') throw error
            const made = await github.repository(owner, name, { signal })
            if (made && made.renamedFrom === undefined && (markedBy(made) === id || isOurs(made, ownership))) return made
            throw error
          }
        },
        { ...context.retry, attempts: 3, signal, onRetry: ({ error }) => context.report({ type: 'message', level: 'warning', text: `The repository was not created: ${error.message} Trying again.` }) },
      ),
    (repository) => repository.id,
  )
}
