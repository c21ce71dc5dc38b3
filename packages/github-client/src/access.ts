import { SaddleError, type CallOptions } from '@saddle/transport'
import { isApp, readAccount, readViewer, type Account } from './accounts.ts'
import type { Credentials } from './credentials.ts'
import { covers } from './failure.ts'
import { readRepository } from './repositories.ts'
import type { Rest } from './rest.ts'
import * as schema from './schema.ts'
import type { AccessReport, TargetRepository, Viewer } from './types.ts'

/** What an installation of an App may do, as GitHub lists it with the token. */
type AppPermissions = Readonly<Record<string, string>> | undefined

/** Asks, one thing after another, what the credentials can do. Reads only; throws only for want of an answer. */
export async function readAccess(
  rest: Rest,
  credentials: Credentials,
  owner: string,
  name: string | undefined,
  options: CallOptions,
): Promise<AccessReport> {
  const missing: string[] = []
  const { kind } = credentials
  const unseen = { exists: false, canRead: false, canPush: false, canAdmin: false, archived: false }
  const viewer = await viewerIfValid(rest, credentials, options)
  if (viewer instanceof SaddleError) {
    missing.push(viewer.message)
    return { token: { valid: false, kind }, owner: { exists: false, canCreate: false }, ...(name === undefined ? {} : { repository: unseen }), missing }
  }
  const token = { valid: true, kind, ...(viewer && { login: viewer.login, ...(viewer.scopes && { scopes: viewer.scopes }) }) }

  let permissions: AppPermissions
  let account: Account | undefined
  try {
    permissions = await credentials.permissions({ owner, ...options })
    account = await readAccount(rest, owner, options)
  } catch (error) {
    missing.push(textOfRefusal(error))
  }
  if (!account) {
    if (!missing.length) missing.push(`There is no user or organisation ${owner}. Check the spelling, and that the base URL is the right server's.`)
    return { token, owner: { exists: false, canCreate: false }, ...(name === undefined ? {} : { repository: unseen }), missing }
  }
  const canCreate = await canCreateIn(rest, account, viewer, permissions, missing, options)
  const report = { token, owner: { exists: true, kind: account.kind, canCreate } }
  if (name === undefined) return { ...report, missing }

  let repository: TargetRepository | undefined
  try {
    repository = await readRepository(rest, owner, name, options)
  } catch (error) {
    missing.push(textOfRefusal(error))
    return { ...report, repository: unseen, missing }
  }
  if (!repository) return { ...report, repository: unseen, missing }
  return { ...report, repository: rightsIn(repository, viewer, permissions, missing), missing }
}

/** The viewer; undefined for a valid token that belongs to no user; the error when the token is not valid. */
async function viewerIfValid(rest: Rest, credentials: Credentials, options: CallOptions): Promise<Viewer | SaddleError | undefined> {
  try {
    return await readViewer(rest, credentials, options)
  } catch (thrown) {
    const error = SaddleError.from(thrown)
    if (error.code === 'AUTHENTICATION_FAILED') return error
    // Tokens of an installation may do much, but have no user to show.
    if (error.code === 'FORBIDDEN' && !isApp(credentials)) return undefined
    throw error
  }
}

async function canCreateIn(
  rest: Rest,
  { login, kind }: Account,
  viewer: Viewer | undefined,
  permissions: AppPermissions,
  missing: string[],
  { signal }: CallOptions,
): Promise<boolean | undefined> {
  const lacking = (text: string): false => {
    missing.push(text)
    return false
  }
  if (permissions) {
    if (kind === 'user') return lacking(`A GitHub App cannot create repositories for the user ${login}. Use a token of that user, or an organisation.`)
    if (permissions['administration'] === 'write') return true
    return lacking('To create repositories, the GitHub App needs the repository permission "Administration: write". Add it in the settings of the App and accept it in those of the organisation.')
  }
  const { scopes } = viewer ?? {}
  if (scopes && !covers(scopes, 'public_repo')) {
    return lacking(`The token lacks the scope repo (it has ${scopes.join(', ') || 'none'}). Add it in the settings of the token.`)
  }
  if (scopes && !scopes.includes('repo')) missing.push('The token has the scope public_repo only: with it, private and internal repositories can neither be seen nor made. Add the scope repo.')
  if (kind === 'user') {
    if (viewer?.login.toLowerCase() === login.toLowerCase()) return true
    return lacking(`Repositories of the user ${login} can be created by ${login} only${viewer ? `, and the token belongs to ${viewer.login}` : ''}.`)
  }
  // A token of an installation says nothing of its permissions; only trying would show.
  if (!viewer) return undefined
  try {
    const { state, role } = await rest.get('GET /user/memberships/orgs/{org}', schema.membership, { params: { org: login }, owner: login, signal })
    if (state !== 'active') return lacking(`The membership of ${viewer.login} in ${login} is ${state}. Accept the invitation first.`)
    if (role === 'admin') return true
    const { members_can_create_repositories: allowed } = await rest.get('GET /orgs/{org}', schema.organization, { params: { org: login }, owner: login, signal })
    if (allowed === false) return lacking(`Members of ${login} may not create repositories. Ask an owner of the organisation to allow it or to create the repository.`)
    return allowed ?? undefined
  } catch (thrown) {
    const error = SaddleError.from(thrown)
    if (error.code === 'NOT_FOUND') return lacking(`${viewer.login} is not a member of ${login}. Ask an owner of the organisation for an invitation.`)
    if (error.code === 'FORBIDDEN') {
      if (/single sign-on/.test(error.message)) return lacking(error.message)
      // Without read:org, GitHub does not say.
      return undefined
    }
    throw error
  }
}

function rightsIn(
  { fullName, archived, permissions: user, visibility }: TargetRepository,
  viewer: Viewer | undefined,
  permissions: AppPermissions,
  missing: string[],
): NonNullable<AccessReport['repository']> {
  // GitHub lists the user's permissions; the token's scopes, or the App's permissions, are a second condition.
  const inScope = !viewer?.scopes || covers(viewer.scopes, visibility === 'public' ? 'public_repo' : 'repo')
  const canPush = permissions ? permissions['contents'] === 'write' : inScope && (user?.push ?? false)
  const canAdmin = permissions ? permissions['administration'] === 'write' : inScope && (user?.admin ?? false)
  if (!canPush) {
    missing.push(
      permissions ? `To push to ${fullName}, the GitHub App needs the repository permission "Contents: write". Add it in the settings of the App and accept it in those of the organisation.`
      : !inScope ? `To push to ${fullName}, the token needs the scope ${visibility === 'public' ? 'public_repo' : 'repo'}.`
      : `${viewer?.login ?? 'The token\'s user'} can see ${fullName} but not push to it. Ask for the role Write or higher, and check that a fine-grained token includes this repository with "Contents: write".`,
    )
  }
  if (archived) missing.push(`${fullName} is archived, so nothing can be pushed to it. Unarchive it first.`)
  return { exists: true, canRead: true, canPush, canAdmin, archived }
}

/** What a refusal says; anything else is thrown on. */
function textOfRefusal(thrown: unknown): string {
  const error = SaddleError.from(thrown)
  if (error.code === 'FORBIDDEN') return error.message
  throw error
}
