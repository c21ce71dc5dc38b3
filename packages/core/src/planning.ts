import { SaddleError } from '@saddle/transport'
import { sameLoss, type Loss } from './ledger.ts'
import { isOurs } from './ownership.ts'
import type { MigrationPlan, PlannedRefs, VerificationResult } from './plan.ts'
import { sourceName, targetName } from './request.ts'
import { steps } from './steps/index.ts'
import { lookAtLfs } from './steps/lfs-gaps.ts'
import { wantedSettings } from './steps/settings.ts'
import type { StepContext, StepPlan } from './steps/step.ts'
import { compareRefs } from './translate/refs.ts'

/** Asks every step what it would do; once one of them could not go on, the later ones have nothing to plan on. */
export async function planMigration(context: StepContext): Promise<MigrationPlan> {
  const { inspection, request, ownership } = context
  const plan: Pick<MigrationPlan, 'steps' | 'losses' | 'problems' | 'lfs'> = { steps: [], losses: [], problems: [] }
  let stopped = false
  for (const step of steps) {
    const planned: StepPlan = stopped ? { actions: [] } : await step.plan(context)
    const { actions, losses = [], problems = [] } = planned
    plan.steps.push({ name: step.name, actions })
    for (const loss of losses) addLoss(plan.losses, loss)
    plan.problems.push(...problems)
    if (step.name === 'transfer-lfs' && actions.length > 0) {
      const { lfs, losses = [], problems = [] } = await lookAtLfs(context)
      for (const loss of losses) addLoss(plan.losses, loss)
      plan.problems.push(...problems)
      if (lfs) plan.lfs = lfs
    }
    stopped ||= step.name === 'preflight' && problems.some(({ severity }) => severity === 'error')
  }
  const source = await inspection.source()
  const [size, lfs, branch] = stopped ? [] : [await inspection.size(), await inspection.lfs(), await inspection.defaultBranch()]
  const target = await inspection.target()
  return {
    request,
    source: {
      name: sourceName(request),
      archived: source.archived,
      public: source.public,
      labels: stopped ? [] : await inspection.labels(),
      ...(source.description === undefined ? {} : { description: source.description }),
      ...(branch ? { defaultBranch: branch.ref.replace(/^refs\/heads\//, '') } : {}),
      ...(source.origin ? { forkOf: `${source.origin.projectKey}/${source.origin.slug}` } : {}),
      ...(size === undefined ? {} : { size }),
      ...(lfs === undefined ? {} : { lfs }),
    },
    target: {
      name: targetName(request),
      exists: target !== undefined,
      created: target !== undefined && isOurs(target, ownership),
      ...(target ? { url: target.htmlUrl } : {}),
    },
    refs: stopped ? { create: [], update: [], delete: [], unchanged: [], diverged: [] } : await plannedRefs(context),
    ...plan,
  }
}

/** Compares both sides as they are, without changing either. */
export async function verifyMigration(context: StepContext): Promise<VerificationResult> {
  const { inspection, request } = context
  const target = await inspection.target()
  if (!target) {
    const name = targetName(request)
    throw new SaddleError('NOT_FOUND', `There is no repository ${name} at the target, or the credentials may not see it. Check the name, or migrate it first.`, {
      context: { target: name },
    })
  }
  const comparison = compareRefs(await inspection.sourceRefs(), await inspection.targetRefs(), request.options.namespaces)
  const { source, target: count, missing, different, extra } = comparison
  const wanted = await wantedSettings(context)
  const present = { description: target.description ?? '', defaultBranch: target.defaultBranch, archived: target.archived, topics: target.topics }
  const names = { description: 'description', defaultBranch: 'default branch', archived: 'archived', topics: 'topics' } as const
  const settings = Object.entries(names).flatMap(([field, name]) => {
    const value = wanted[field as keyof typeof names]
    return value === undefined ? [] : [{ name, source: String(value), target: String(present[field as keyof typeof names]) }]
  })
  const equal = missing.length === 0 && different.length === 0 && extra.length === 0
  return { equal, source, target: count, missing, different, extra, settings }
}

async function plannedRefs({ inspection }: StepContext): Promise<PlannedRefs> {
  const diverged = await inspection.diverged()
  const apart = new Set(diverged)
  const refs: PlannedRefs = { create: [], update: [], delete: [], unchanged: [], diverged }
  for (const { ref, kind } of await inspection.updates()) if (!apart.has(ref)) refs[kind].push(ref)
  return refs
}

function addLoss(losses: Loss[], loss: Loss): void {
  if (!losses.some((known) => sameLoss(known, loss))) losses.push(loss)
}
