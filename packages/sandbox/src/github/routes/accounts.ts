import type { FastifyInstance } from 'fastify'
import { paginate, type GitHubContext } from '../context.ts'
import { gitHubError, notFound } from '../errors.ts'

/** Users, organisations, memberships, and what is said of the server itself. */
export function accountRoutes(app: FastifyInstance, context: GitHubContext): void {
  const { state, shapes } = context

  app.get('/user', (request) => {
    const actor = context.actor(request)
    if (actor.kind === 'installation' || actor.kind === 'app') throw gitHubError(403, 'Resource not accessible by integration')
    return shapes.viewer(context.viewer(request))
  })

  app.get('/users/:username', (request) => {
    const account = state.account((request.params as { username: string }).username)
    if (!account) throw notFound()
    return shapes.user(account)
  })

  app.get('/orgs/:org', (request) => {
    const org = context.organization(request)
    return { ...shapes.organization(org), members_can_create_repositories: state.administers(context.actor(request), org) }
  })

  app.get('/user/orgs', (request, reply) => {
    const { login, siteAdmin } = context.viewer(request)
    const orgs = [...state.accounts.values()].flatMap((org) =>
      org.kind === 'organization' && (siteAdmin || org.owners.has(login) || org.members.has(login)) ? [org] : [],
    )
    return paginate(request, reply, orgs).map((org) => shapes.organizationSimple(org))
  })

  app.get('/user/memberships/orgs/:org', (request) => {
    const org = context.organization(request)
    const user = context.viewer(request)
    const owns = user.siteAdmin || org.owners.has(user.login)
    if (!owns && !org.members.has(user.login)) throw notFound()
    const simple = shapes.organizationSimple(org)
    return {
      url: `${simple.url}/memberships/${user.login}`,
      state: 'active',
      role: owns ? 'admin' : 'member',
      organization_url: simple.url,
      organization: simple,
      user: shapes.simpleUser(user),
      permissions: { can_create_repository: owns },
    }
  })

  app.get('/rate_limit', (request) => {
    const actor = context.actor(request)
    const core = context.limits.overview(actor.kind === 'user' ? actor.user.login : actor.kind)
    return { resources: { core, search: core }, rate: core }
  })

  app.get('/meta', () => ({ verifiable_password_authentication: false, installed_version: '3.15.0' }))
}
