import type { FastifyInstance, FastifyRequest } from 'fastify'
import { paginate, type GitHubContext } from '../context.ts'
import { archivedReadOnly, gitHubError, notFound, validationFailed } from '../errors.ts'
import { atLeast, levels, type Level, type Organization, type Repository, type Team } from '../model.ts'
import { teamSlug } from '../names.ts'

interface Found {
  readonly org: Organization
  readonly team: Team
}

/** Teams and what they may do with repositories. A team is named by its slug, or by numbers. */
export function teamRoutes(app: FastifyInstance, context: GitHubContext): void {
  const { state, shapes } = context

  app.get('/orgs/:org/teams', (request, reply) => {
    const org = context.organization(request)
    requireMember(request, org)
    return paginate(request, reply, org.teams).map((team) => shapes.team(org, team))
  })

  app.post('/orgs/:org/teams', (request, reply) => {
    const org = context.organization(request)
    requireMember(request, org)
    if (!state.administers(context.actor(request), org)) throw gitHubError(403, 'Must have admin rights to Organization.')
    const { name, description, privacy } = (request.body ?? {}) as { name?: string; description?: string; privacy?: string }
    if (!name) throw validationFailed('Validation Failed', [{ resource: 'Team', code: 'missing_field', field: 'name' }])
    const slug = teamSlug(name)
    if (org.teams.some((one) => one.slug === slug)) {
      const message = 'Name must be unique for this org'
      throw validationFailed('Validation Failed', [{ resource: 'Team', code: 'already_exists', field: 'name', message }])
    }
    const team: Team = {
      id: state.nextId(), slug, name, description: description ?? null, privacy: privacy === 'closed' ? 'closed' : 'secret',
      members: new Set(), permissions: new Map(),
    }
    org.teams.push(team)
    return reply.code(201).send(shapes.teamFull(org, team))
  })

  app.get('/repos/:owner/:repo/teams', (request, reply) => {
    const { repository, level } = context.repository(request)
    if (!atLeast(level, 'admin')) throw notFound()
    const { owner } = repository
    if (owner.kind !== 'organization') return []
    const teams = owner.teams.filter((team) => team.permissions.has(repository.id))
    return paginate(request, reply, teams).map((team) => shapes.team(owner, team, team.permissions.get(repository.id)))
  })

  const ways = [['/orgs/:org/teams/:slug', bySlug], ['/organizations/:orgId/team/:teamId', byId], ['/teams/:teamId', byId]] as const
  for (const [path, find] of ways) {
    app.get(path, (request) => {
      const { org, team } = find(request)
      return shapes.teamFull(org, team)
    })

    app.get(`${path}/members`, (request, reply) => {
      const members = [...find(request).team.members].flatMap((login) => state.user(login) ?? [])
      return paginate(request, reply, members).map((user) => shapes.simpleUser(user))
    })

    app.get(`${path}/repos`, (request, reply) => {
      const { team } = find(request)
      const all = [...team.permissions].flatMap(([id, level]) => {
        const repository = state.repositoryById(id)
        return repository ? [{ repository, level }] : []
      })
      return paginate(request, reply, all).map(({ repository, level }) => shapes.minimalRepository(repository, level))
    })

    app.get(`${path}/repos/:owner/:repo`, (request, reply) => {
      const { team } = find(request)
      const { repository } = context.repository(request)
      const level = team.permissions.get(repository.id)
      if (!level) throw notFound()
      // Only who asks for the repository's media type gets a body.
      if (!request.headers.accept?.includes('repository+json')) return reply.code(204).send()
      return { ...shapes.repository(repository, level), role_name: level }
    })

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

  function bySlug(request: FastifyRequest): Found {
    const org = context.organization(request)
    requireMember(request, org)
    const { slug } = request.params as { slug: string }
    const team = org.teams.find((one) => one.slug === slug.toLowerCase())
    if (!team) throw notFound()
    return { org, team }
  }

  function byId(request: FastifyRequest): Found {
    const { orgId, teamId } = request.params as { orgId?: string; teamId: string }
    const found = state.team(Number(teamId))
    if (!found || (orgId !== undefined && found.org.id !== Number(orgId))) throw notFound()
    requireMember(request, found.org)
    return found
  }

  function ownRepository(request: FastifyRequest, org: Organization): Repository {
    const { repository, level } = context.repository(request)
    if (repository.owner !== org) throw validationFailed('Validation Failed', [{ resource: 'TeamMember', code: 'invalid', field: 'repository' }])
    context.requireAdmin(request, repository, level)
    return repository
  }

  /** Teams exist for members only, and for classic tokens with one of these scopes. */
  function requireMember(request: FastifyRequest, org: Organization): void {
    const actor = context.actor(request)
    const scopes = actor.kind === 'user' ? actor.scopes : undefined
    const scoped = !scopes || scopes.some((scope) => ['read:org', 'write:org', 'admin:org', 'repo'].includes(scope))
    if (!scoped || !state.belongs(actor, org)) throw notFound()
  }
}
