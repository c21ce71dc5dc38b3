import type { FastifyInstance } from 'fastify'
import { paginate, type GitHubContext } from '../context.ts'
import { gitHubError, notAccessible, notFound } from '../errors.ts'
import { identityOf } from '../limits.ts'
import type { Actor } from '../model.ts'

/** Memberships are told to classic tokens of these scopes only. */
function requireScope(actor: Actor): void {
  if (actor.kind !== 'user' || !actor.scopes || actor.scopes.some((scope) => ['read:org', 'write:org', 'admin:org', 'user'].includes(scope))) return
  throw gitHubError(403, 'You need at least read:org scope or user scope to list your organizations.')
}

/** Users, organisations, memberships, and what is said of the server itself. */
export function accountRoutes(app: FastifyInstance, context: GitHubContext): void {
  const { state, shapes } = context

  app.get('/user', (request) => {
    const actor = context.actor(request)
    if (actor.kind === 'installation' || actor.kind === 'app') throw notAccessible('integration')
    return shapes.viewer(context.viewer(request))
  })

  app.get('/users/:username', (request) => {
    const account = state.account((request.params as { username: string }).username)
    if (!account) throw notFound()
    return shapes.user(account)
  })

  app.get('/orgs/:org', (request) => {
    const org = context.organization(request)
    return { ...shapes.organization(org), members_can_create_repositories: org.membersCanCreateRepositories }
  })

  app.get('/user/orgs', (request, reply) => {
    context.viewer(request)
    requireScope(context.actor(request))
    const orgs = [...state.accounts.values()].flatMap((org) =>
      org.kind === 'organization' && state.belongs(context.actor(request), org) ? [org] : [],
    )
    return paginate(request, reply, orgs).map((org) => shapes.organizationSimple(org))
  })

  app.get('/user/memberships/orgs/:org', (request) => {
    const org = context.organization(request)
    const user = context.viewer(request)
    const actor = context.actor(request)
    requireScope(actor)
    const owns = state.administers(actor, org)
    if (!state.belongs(actor, org)) throw notFound()
    const simple = shapes.organizationSimple(org)
    return {
      url: `${simple.url}/memberships/${user.login}`,
      state: 'active',
      role: owns ? 'admin' : 'member',
      organization_url: simple.url,
      organization: simple,
      user: shapes.simpleUser(user),
      permissions: { can_create_repository: state.creates(actor, org) },
    }
  })

  app.get('/rate_limit', (request) => {
    const actor = context.actor(request)
    const core = { ...context.limits.overview(identityOf(actor)), resource: 'core' }
    return { resources: { core, search: core }, rate: core }
  })

  app.get('/meta', () => ({
    verifiable_password_authentication: false,
    ...(context.serverVersion ? { installed_version: context.serverVersion } : {}),
  }))
}
