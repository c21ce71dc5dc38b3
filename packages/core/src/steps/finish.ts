import type { RepositoryUpdate } from '@saddle/github-client'
import { markedBy } from '../ownership.ts'
import { wantedSettings } from './settings.ts'
import type { RunContext, Step, StepContext, StepPlan } from './step.ts'

/** Replaces the marker by the real description, and archives: an archived repository takes no other change. */
export const finish: Step = {
  name: 'finish',

  async plan(context: StepContext): Promise<StepPlan> {
    const { description, archived } = await lastSettings(context)
    const actions: string[] = []
    if (description !== undefined) actions.push(description ? 'Set the description' : 'Clear the description')
    if (archived) actions.push('Archive the repository')
    return { actions }
  },

  async run(context: RunContext): Promise<void> {
    const { description, archived } = await lastSettings(context)
    if (description !== undefined) await update(context, 'repository.description', { description })
    // The target chooses a default branch by itself when it gets its first refs, and can be late with that; what it
    // answers now tells.
    const { defaultBranch } = await wantedSettings(context)
    if (defaultBranch !== undefined) await update(context, 'repository.default-branch', { defaultBranch })
    if (archived) await update(context, 'repository.archive', { archived })
  },
}

async function update({ github, inspection, journal, request: { target: { owner, name } }, signal }: RunContext, key: string, change: RepositoryUpdate): Promise<void> {
  inspection.setTarget(await journal.around(key, () => github.updateRepository(owner, name, change, { signal })))
}

async function lastSettings(context: StepContext): Promise<{ description?: string; archived?: boolean }> {
  const target = await context.inspection.target()
  const { description, archived } = await wantedSettings(context)
  // Without settings the marker has to go all the same; in a plan it is not there yet.
  const isMarked = target === undefined || markedBy(target) !== undefined
  const text = description ?? (isMarked && target ? '' : undefined)
  return {
    ...(text === undefined || (target === undefined && text === '') ? {} : { description: text }),
    ...(archived ? { archived } : {}),
  }
}
