import type { TeamPermission } from '@saddle/github-client'
import { SaddleError } from '@saddle/transport'

/** The names of permissions in both vocabularies: people's, and those of GitHub's REST API. */
export const permissionNames = ['read', 'triage', 'write', 'maintain', 'admin', 'pull', 'push'] as const

/** One of {@link permissionNames}. */
export type PermissionName = (typeof permissionNames)[number]

const toApi: Record<PermissionName, TeamPermission> = {
  read: 'pull',
  triage: 'triage',
  write: 'push',
  maintain: 'maintain',
  admin: 'admin',
  pull: 'pull',
  push: 'push',
}

/**
 * The REST API's name of a permission, in whichever vocabulary (and case) it is given.
 *
 * @throws SaddleError `INVALID_INPUT` for any other name
 */
export function toTeamPermission(name: string): TeamPermission {
  const known = name.trim().toLowerCase()
  const found = permissionNames.find((one) => one === known)
  if (found) return toApi[found]
  throw new SaddleError('INVALID_INPUT', `There is no permission "${name}". The names are ${permissionNames.join(', ')}.`, {
    context: { option: 'permission' },
  })
}

/** What a permission is called by people: `read` for `pull`, `write` for `push`; other names, custom roles too, stay. */
export const toPermissionName = (permission: string): string =>
  permission === 'pull' ? 'read' : permission === 'push' ? 'write' : permission
