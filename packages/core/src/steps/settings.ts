import type { RepositoryUpdate } from '@saddle/github-client'
import type { Loss } from '../ledger.ts'
import { translateDescription } from '../translate/description.ts'
import { translateLabels } from '../translate/topics.ts'
import type { RunContext, Step, StepContext, StepPlan } from './step.ts'

/** Takes over default branch and topics; description and archived flag follow in the last step. */
export const settings: Step = {
  name: 'settings',

  async plan(context: StepContext): Promise<StepPlan> {
    if (!context.request.options.settings) return { actions: [] }
    const { defaultBranch, topics } = await wantedSettings(context)
    const actions: string[] = []
    if (defaultBranch !== undefined) actions.push(`Make ${defaultBranch} the default branch`)
    if (topics) actions.push(`Set the topics ${topics.join(', ')}`)
    return { actions, losses: await settingsLosses(context) }
  },

  async run(context: RunContext): Promise<void> {
    const { github, inspection, journal, request: { target: { owner, name } }, signal } = context
    const { defaultBranch, topics } = await wantedSettings(context)
    const update = { ...(defaultBranch === undefined ? {} : { defaultBranch }), ...(topics ? { topics } : {}) }
    inspection.setTarget(await journal.around('repository.settings', () => github.updateRepository(owner, name, update, { signal })))
  },
}

/**
 * The settings in which the target differs from what it shall be. What the source does not say is left alone; topics that
 * the target has besides stay.
 */
export async function wantedSettings({ inspection, request }: StepContext): Promise<RepositoryUpdate> {
  const target = await inspection.target()
  const update: RepositoryUpdate = {}
  const description = await wantedDescription({ inspection, request })
  if (description !== undefined && description !== (target?.description ?? '')) update.description = description
  if (!request.options.settings) return update
  const branch = await inspection.defaultBranch()
  const isMoved = branch?.exists === true && request.options.namespaces.some((namespace) => branch.ref.startsWith(namespace))
  const defaultBranch = branch?.ref.replace(/^refs\/heads\//, '')
  if (isMoved && defaultBranch !== target?.defaultBranch) update.defaultBranch = defaultBranch
  const present = target?.topics ?? []
  const { topics } = translateLabels(await inspection.labels(), present)
  if (topics.length !== present.length) update.topics = topics
  const { archived } = await inspection.source()
  if (archived !== (target?.archived ?? false)) update.archived = archived
  return update
}

/** What the description shall be; undefined when the one at the target is none of our business. */
async function wantedDescription({ inspection, request }: Pick<StepContext, 'inspection' | 'request'>): Promise<string | undefined> {
  const { description } = request.target
  if (description !== undefined) return translateDescription(description).description
  if (request.options.settings) return translateDescription((await inspection.source()).description).description
  return undefined
}

async function settingsLosses({ inspection, request }: StepContext): Promise<Loss[]> {
  const losses = translateLabels(await inspection.labels()).losses
  const given = request.target.description
  losses.push(...translateDescription(given === undefined ? (await inspection.source()).description : given).losses)
  const branch = await inspection.defaultBranch()
  if (branch && !branch.exists && (await inspection.sourceRefs()).refs.size > 0) {
    const reason = 'The source names it as its default branch, and has no such branch. The target keeps a default of its own.'
    losses.push({ kind: 'default-branch', subject: branch.ref, reason })
  }
  return losses
}
