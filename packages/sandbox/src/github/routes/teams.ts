import type { FastifyInstance, FastifyRequest } from 'fastify'
import { paginate, type GitHubContext } from '../context.ts'
import { adminRights, archivedReadOnly, notFound, validationFailed } from '../errors.ts'
import { atLeast, levels, type Level, type Organization, type Repository, type Team } from '../model.ts'

/** Teams and what they may do with repositories. */
export function teamRoutes(app: FastifyInstance, context: GitHubContext): void {
  const { state, shapes } = context

  app.get('/orgs/:org/teams', (request, reply) => {
    const org = context.organization(request)
    requireMember(request, org)
    return paginate(request, reply, org.teams).map((team) => shapes.team(org, team))
  })

  app.get('/orgs/:org/teams/:slug', (request) => {
    const { org, team } = bySlug(request)
    return shapes.team(org, team)
  })

  app.get('/repos/:owner/:repo/teams', (request, reply) => {
    const { repository, level } = context.repository(request)
    if (!atLeast(level, 'admin')) throw notFound()
    const { owner } = repository
    const teams = owner.kind === 'organization' ? owner.teams.filter((team) => team.permissions.has(repository.id)) : []
    return paginate(request, reply, teams).map((team) => shapes.team(owner as Organization, team, team.permissions.get(repository.id)))
  })

  for (const [path, find] of [['/orgs/:org/teams/:slug', bySlug], ['/organizations/:orgId/team/:teamId', byId]] as const) {
    app.put(`${path}/repos/:owner/:repo`, (request, reply) => {
      const { org, team } = find(request)
      const repository = ownRepository(request, org)
      if (repository.archived) throw archivedReadOnly()
      const { permission = 'push' } = (request.body ?? {}) as { permission?: string }
      if (permission === 'none' || !levels.includes(permission as Level)) {
        throw validationFailed('Validation Failed', [{ resource: 'TeamMember', code: 'custom', field: 'permission', message: 'Invalid permission' }])
      }
      team.permissions.set(repository.id, permission as Level)
      return reply.code(204).send()
    })
    app.delete(`${path}/repos/:owner/:repo`, (request, reply) => {
      const { org, team } = find(request)
      team.permissions.delete(ownRepository(request, org).id)
      return reply.code(204).send()
    })
  }

  function bySlug(request: FastifyRequest): { org: Organization; team: Team } {
    const org = context.organization(request)
    requireMember(request, org)
    const { slug } = request.params as { slug: string }
    const team = org.teams.find((one) => one.slug === slug)
    if (!team) throw notFound()
    return { org, team }
  }

  function byId(request: FastifyRequest): { org: Organization; team: Team } {
    const { orgId, teamId } = request.params as { orgId: string; teamId: string }
    const found = state.team(Number(teamId))
    if (!found || found.org.id !== Number(orgId)) throw notFound()
    requireMember(request, found.org)
    return found
  }

  function ownRepository(request: FastifyRequest, org: Organization): Repository {
    const { repository, level } = context.repository(request)
    if (repository.owner !== org) throw validationFailed('Validation Failed', [{ resource: 'TeamMember', code: 'invalid', field: 'repository' }])
    if (!atLeast(level, 'admin')) throw adminRights()
    return repository
  }

  function requireMember(request: FastifyRequest, org: Organization): void {
    const actor = context.actor(request)
    if (actor.kind === 'installation' && actor.installation.account === org) return
    if (actor.kind !== 'user') throw notFound()
    const { login, siteAdmin } = actor.user
    const scoped = !actor.scopes || actor.scopes.some((scope) => ['read:org', 'write:org', 'admin:org', 'repo'].includes(scope))
    if (!scoped || !(siteAdmin || org.owners.has(login) || org.members.has(login))) throw notFound()
  }
}
