import { lookedForOnce, namespaceLosses, pullRequestLosses, repositoryLosses } from '../translate/losses.ts'
import type { PlannedProblem } from '../plan.ts'
import { sourceName, targetName } from '../request.ts'
import { nameProblem } from './name-problem.ts'
import { refProblems } from './ref-problems.ts'
import type { Step, StepContext, StepPlan } from './step.ts'

/** What a push takes at most; histories above it are moved in several. */
const pushLimit = 2 * 1024 ** 3

/** Looks at both sides: is there what shall be moved, may it go where it shall go, and what will stay behind. */
export const preflight: Step = {
  name: 'preflight',

  async plan(context: StepContext): Promise<StepPlan> {
    const { inspection, request, remembered } = context
    inspection.readAhead('first')
    const source = await inspection.source()
    const problems: PlannedProblem[] = []
    if (source.state !== 'AVAILABLE') {
      problems.push({
        severity: 'error',
        code: 'UPSTREAM_ERROR',
        message: `${sourceName(request)} is ${source.state.toLowerCase()} at the source, so that git cannot read it. Wait until it is available, or ask the administrators of the source.`,
      })
    }
    problems.push(...(await targetProblems(context)))
    if (problems.some(({ severity }) => severity === 'error')) return { actions: [], problems }
    inspection.readAhead('more')

    const size = await inspection.size()
    if (size !== undefined && size > pushLimit) {
      problems.push({
        severity: 'warning',
        code: 'PACK_TOO_LARGE',
        message: `The repository has ${(size / 1024 ** 3).toFixed(1)} GiB on the source's disk; GitHub takes at most 2 GiB in one push.`,
      })
    }
    const refs = await inspection.sourceRefs()
    if (refs.objectFormat !== 'sha1' && refs.refs.size > 0) {
      problems.push({
        severity: 'error',
        code: 'OBJECT_FORMAT_MISMATCH',
        message: `${sourceName(request)} names its objects with ${refs.objectFormat}, and GitHub holds repositories with sha1 only. Convert the source first.`,
      })
    }
    problems.push(...refProblems(refs, request.options.namespaces))
    const found = inspection.thorough
      ? [
          ...namespaceLosses(refs, request.options.namespaces),
          ...pullRequestLosses(await inspection.pullRequests()),
        ]
      : (remembered?.losses ?? []).filter(({ kind }) => lookedForOnce.has(kind))
    return {
      actions: [`Compare ${sourceName(request)} with ${targetName(request)}`],
      losses: [...repositoryLosses(source, (await inspection.target())?.visibility ?? request.target.visibility), ...found],
      problems,
    }
  },

  // Everything that it does is to look, which is planning.
  async run() {},
}

async function targetProblems({ inspection, request, ownership, github, rights, remembered, signal }: StepContext): Promise<PlannedProblem[]> {
  const { owner, name } = request.target
  const target = await inspection.target()
  const problem = nameProblem(request, target, ownership)
  if (problem) return [problem]
  const there = target?.renamedFrom === undefined ? target : undefined
  // The old name is free to be used again.
  if (target && !there) inspection.setTarget(undefined)
  if (remembered && there) return []
  const { token, owner: account, repository, missing } = await (there ? github.checkAccess(owner, name, { signal }) : rights.read(owner, { signal }))
  const why = missing.join(' ')
  const error = (code: PlannedProblem['code'], message: string): PlannedProblem => ({ severity: 'error', code, message })
  if (!token.valid) return [error('AUTHENTICATION_FAILED', why || 'The target does not accept the credentials. Check them.')]
  if (there ? repository?.canPush === false : account.canCreate === false) {
    return [error('FORBIDDEN', why || `The credentials may not ${there ? `push to ${owner}/${name}` : `create repositories in ${owner}`}.`)]
  }
  return missing.map((message) => ({ severity: 'warning', code: 'FORBIDDEN', message }))
}
