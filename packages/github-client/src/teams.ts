import { SaddleError, type CallOptions } from '@saddle/transport'
import { checkOwner, checkRepositoryName } from './names.ts'
import type { Rest, RestCall } from './rest.ts'
import type { TeamRepository } from './types.ts'

/** Finds the id of an organisation by its login. */
type OrganizationId = (org: string, options: CallOptions) => Promise<number>

/** Gives a team a permission on a repository, or changes the one it has. */
export async function putTeam(rest: Rest, target: TeamRepository, permission: string, organizationId: OrganizationId, options: CallOptions): Promise<void> {
  const { path, call } = await teamRoute(target, organizationId, options)
  await rest.call(`PUT ${path}`, { ...call, params: { ...call.params, permission } })
}

/** Takes a repository away from a team. */
export async function deleteTeam(rest: Rest, target: TeamRepository, organizationId: OrganizationId, options: CallOptions): Promise<void> {
  const { path, call } = await teamRoute(target, organizationId, options)
  await rest.call(`DELETE ${path}`, call)
}

/** GitHub documents the routes by slug, and by id only in passing: "/organizations/:org_id/team/:team_id". */
async function teamRoute(
  { org, teamSlug, teamId, repo, owner = org }: TeamRepository,
  organizationId: OrganizationId,
  { signal }: CallOptions,
): Promise<{ path: string; call: RestCall }> {
  checkOwner(org, 'org')
  checkOwner(owner)
  checkRepositoryName(repo, 'repo')
  const call = { owner: org, signal }
  if (teamSlug !== undefined) {
    checkRepositoryName(teamSlug, 'teamSlug')
    return { path: '/orgs/{org}/teams/{team}/repos/{owner}/{repo}', call: { ...call, params: { org, team: teamSlug, owner, repo } } }
  }
  if (!Number.isSafeInteger(teamId)) {
    throw new SaddleError('INVALID_INPUT', 'The id of a team is a whole number.', { context: { option: 'teamId' } })
  }
  const orgId = await organizationId(org, { signal })
  return { path: '/organizations/{org}/team/{team}/repos/{owner}/{repo}', call: { ...call, params: { org: orgId, team: teamId, owner, repo } } }
}
