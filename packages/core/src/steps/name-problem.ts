import type { TargetRepository } from '@saddle/github-client'
import { isOurs, markedBy, type OwnershipFacts } from '../ownership.ts'
import type { PlannedProblem } from '../plan.ts'
import { targetName, type NormalizedRequest } from '../request.ts'

/**
 * What is wrong with the target's name, going by what bears it: it is taken by somebody else's repository, or there is none
 * where one is meant. Undefined where a migration may go on.
 */
export function nameProblem(
  request: Pick<NormalizedRequest, 'target'>,
  found: TargetRepository | undefined,
  ownership: OwnershipFacts,
): PlannedProblem | undefined {
  const name = targetName(request)
  const { existing } = request.target
  const error = (code: PlannedProblem['code'], message: string): PlannedProblem => ({ severity: 'error', code, message })
  if (found?.renamedFrom !== undefined && (existing || isOurs(found, ownership))) {
    return error('CONFLICT', `${name} has another name by now: ${found.fullName}. Give that one as the target.`)
  }
  // The old name of a renamed repository is free to be used again.
  const there = found?.renamedFrom === undefined ? found : undefined
  if (!there && existing) {
    return error('NOT_FOUND', `There is no repository ${name} at the target, or the credentials may not see it. Check the name, or leave out \`existing\` (command: --existing) to have it created.`)
  }
  if (there && !existing && !isOurs(there, ownership)) {
    const maker = markedBy(there)
    const made = maker === undefined ? '' : ` Its description says that the migration ${maker} made it, which this store does not know.`
    return error('ALREADY_EXISTS', `${name} exists already at the target and was not made by an earlier run of this migration.${made} Choose another name, or say that it is the one that is meant with \`existing: true\` (command: --existing).`)
  }
  return undefined
}
