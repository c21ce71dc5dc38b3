import type { FastifyInstance, FastifyRequest } from 'fastify'
import { paginate, type GitHubContext } from '../context.ts'
import { gitHubError, notFound } from '../errors.ts'
import type { Account, App, Installation, Permissions } from '../model.ts'

/** Whether what was granted includes what is asked for. */
const includes = (granted: string | undefined, asked: string): boolean => granted === asked || (granted === 'write' && asked === 'read')

/** GitHub Apps: themselves, their installations and the tokens of those. */
export function appRoutes(app: FastifyInstance, context: GitHubContext): void {
  const { state, shapes } = context

  const caller = (request: FastifyRequest): App => {
    const actor = context.actor(request)
    if (actor.kind === 'app') return actor.app
    throw gitHubError(401, 'A JSON web token could not be decoded')
  }
  const of = (one: App): Installation[] => [...state.installations.values()].filter((installation) => installation.app === one)
  const on = (request: FastifyRequest, account: Account | undefined) => {
    const found = of(caller(request)).find((installation) => installation.account === account)
    if (!found || !account) throw notFound()
    return shapes.installation(found)
  }

  app.get('/app', (request) => shapes.app(caller(request), state.account('admin')!))
  app.get('/app/installations', (request, reply) => paginate(request, reply, of(caller(request))).map((one) => shapes.installation(one)))
  app.get('/orgs/:owner/installation', (request) => on(request, state.organization((request.params as { owner: string }).owner)))
  app.get('/users/:owner/installation', (request) => on(request, state.user((request.params as { owner: string }).owner)))
  app.get('/repos/:owner/:repo/installation', (request) => on(request, state.account((request.params as { owner: string }).owner)))

  app.post('/app/installations/:id/access_tokens', (request, reply) => {
    const installation = of(caller(request)).find(({ id }) => id === Number((request.params as { id: string }).id))
    if (!installation) throw notFound()
    const { tokenTtlSeconds, account } = installation
    const { permissions = installation.permissions, repositories: names } = (request.body ?? {}) as { permissions?: Permissions; repositories?: string[] }
    const repositories = names?.map((name) => state.repository(account.login, name))
    const excess = Object.entries(permissions).some(([name, level]) => !includes(installation.permissions[name], level))
    if (excess) throw gitHubError(422, 'The permissions requested are not granted to this installation.')
    if (repositories?.includes(undefined)) {
      throw gitHubError(422, 'There is at least one repository that does not exist or is not accessible to the parent installation.')
    }
    const only = repositories && new Set(repositories.map((one) => one!.id))
    const token = state.addToken('ghs', { kind: 'installation', installation, permissions, repositories: only }, tokenTtlSeconds)
    const expiresAt = new Date(Date.now() + tokenTtlSeconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
    return reply.code(201).send({ token, expires_at: expiresAt, permissions, repository_selection: only ? 'selected' : 'all' })
  })

  app.get('/installation/repositories', (request, reply) => {
    const actor = context.actor(request)
    if (actor.kind !== 'installation') throw gitHubError(403, 'You must authenticate with an installation access token in order to list repositories for an installation.')
    const all = [...state.repositories.values()].filter(({ owner, id }) =>
      owner === actor.installation.account && (!actor.repositories || actor.repositories.has(id)))
    return { total_count: all.length, repository_selection: actor.repositories ? 'selected' : 'all', repositories: paginate(request, reply, all).map((one) => shapes.repository(one, state.access(actor, one))) }
  })
}
