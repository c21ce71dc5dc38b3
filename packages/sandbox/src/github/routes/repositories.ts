import type { FastifyInstance, FastifyRequest } from 'fastify'
import { setHead, listRefs } from '../../git/bare-repository.ts'
import { paginate, type GitHubContext } from '../context.ts'
import { adminRights, archivedReadOnly, gitHubError, notAccessible, notFound, requiresAuthentication, validationFailed } from '../errors.ts'
import { atLeast, type Account, type Repository } from '../model.ts'
import { checkDescription, checkName, checkTopics, checkVisibility, noSuchBranch } from '../repository-input.ts'
import { repositoryKey } from '../state.ts'

const storedSettings = [
  'allow_squash_merge', 'allow_merge_commit', 'allow_rebase_merge', 'allow_auto_merge', 'delete_branch_on_merge', 'allow_update_branch',
  'has_issues', 'has_projects', 'has_wiki', 'has_discussions', 'is_template', 'web_commit_signoff_required',
]

/** Repositories: read, list, create, change, delete. */
export function repositoryRoutes(app: FastifyInstance, context: GitHubContext): void {
  const { state, shapes } = context

  const read = (request: FastifyRequest) => {
    const { repository, level } = context.repository(request)
    return shapes.repository(repository, level)
  }
  app.get('/repos/:owner/:repo', read)
  // Where a renamed repository is redirected to.
  app.get('/repositories/:id', read)

  app.get('/orgs/:org/repos', (request, reply) => {
    const org = context.organization(request)
    const { type = 'all' } = request.query as { type?: string }
    const kinds: Record<string, (one: Repository) => boolean> = {
      public: (one) => one.visibility === 'public',
      private: (one) => one.visibility !== 'public',
      internal: (one) => one.visibility === 'internal',
    }
    const all = visible(request, org).filter(({ repository }) => (kinds[type] ?? (() => true))(repository))
    return paginate(request, reply, all).map(({ repository, level }) => shapes.minimalRepository(repository, level))
  })

  app.get('/user/repos', (request, reply) => {
    const all = visible(request, context.viewer(request))
    return paginate(request, reply, all).map(({ repository, level }) => shapes.repository(repository, level))
  })

  app.get('/users/:username/repos', (request, reply) => {
    const account = state.account((request.params as { username: string }).username)
    if (!account) throw notFound()
    const all = visible(request, account).filter(({ repository }) => repository.visibility === 'public')
    return paginate(request, reply, all).map(({ repository, level }) => shapes.minimalRepository(repository, level))
  })

  app.post('/orgs/:org/repos', async (request, reply) => {
    const org = context.organization(request)
    const actor = context.actor(request)
    if (actor.kind === 'anonymous') throw requiresAuthentication()
    if (!state.creates(actor, org)) throw actor.kind === 'installation' ? notAccessible('integration') : gitHubError(403, 'You need admin access to the organization before adding a repository to it.')
    return reply.code(201).send(await create(request, org))
  })

  app.post('/user/repos', async (request, reply) => reply.code(201).send(await create(request, context.viewer(request))))

  const update = async (request: FastifyRequest) => {
    const { repository, level } = context.repository(request)
    context.requireAdmin(request, repository, level)
    await change(repository, (request.body ?? {}) as Record<string, unknown>)
    return shapes.repository(repository, level)
  }
  app.patch('/repos/:owner/:repo', update)
  app.patch('/repositories/:id', update)

  app.delete('/repos/:owner/:repo', (request, reply) => {
    const { repository, level } = context.repository(request)
    const actor = context.actor(request)
    context.requireAdmin(request, repository, level)
    if (actor.kind === 'user' && actor.scopes && !actor.scopes.includes('delete_repo')) throw adminRights()
    state.repositories.delete(repositoryKey(repository.owner.login, repository.name))
    return reply.code(204).send()
  })

  app.get('/repos/:owner/:repo/topics', (request) => ({ names: context.repository(request).repository.topics }))

  app.put('/repos/:owner/:repo/topics', (request) => {
    const { repository, level } = context.repository(request)
    context.requireAdmin(request, repository, level)
    if (repository.archived) throw archivedReadOnly()
    repository.topics = checkTopics((request.body as { names?: unknown } | undefined)?.names)
    return { names: repository.topics }
  })

  function visible(request: FastifyRequest, owner: Account) {
    const actor = context.actor(request)
    return [...state.repositories.values()]
      .filter((repository) => repository.owner === owner)
      .map((repository) => ({ repository, level: state.access(actor, repository) }))
      .filter(({ level }) => atLeast(level, 'pull'))
  }

  async function create(request: FastifyRequest, owner: Account) {
    const actor = context.actor(request)
    const body = (request.body ?? {}) as Record<string, unknown>
    const visibility = checkVisibility(body, owner) ?? 'public'
    if (actor.kind === 'user' && actor.scopes && !actor.scopes.includes('repo') && !(visibility === 'public' && actor.scopes.includes('public_repo'))) throw notFound()
    const name = checkName(body['name'])
    checkDescription(body['description'])
    if (state.repository(owner.login, name)) {
      throw validationFailed('Repository creation failed.', [{ resource: 'Repository', code: 'custom', field: 'name', message: 'name already exists on this account' }])
    }
    const { description, homepage } = body
    const repository = await context.createRepository({ owner: owner.login, name, visibility, ...(typeof description === 'string' ? { description } : {}) })
    if (typeof homepage === 'string') repository.homepage = homepage
    // Whoever creates a repository administers it.
    if (actor.kind === 'user') repository.collaborators.set(actor.user.login.toLowerCase(), 'admin')
    return shapes.repository(repository, 'admin')
  }

  async function change(repository: Repository, body: Record<string, unknown>): Promise<void> {
    const { name, description, homepage, archived, default_branch: branch } = body
    if (repository.archived && !(archived === false)) throw archivedReadOnly()
    checkDescription(description)
    const visibility = checkVisibility(body, repository.owner)
    if (archived === false) repository.archived = false
    if (typeof branch === 'string' && branch !== repository.defaultBranch) {
      const refs = await listRefs(context.git, repository.path, 'refs/heads/')
      if (!refs.some((ref) => ref.name === `refs/heads/${branch}`)) {
        throw noSuchBranch(branch)
      }
      await setHead(repository.path, branch)
      repository.defaultBranch = branch
    }
    if (typeof description === 'string' || description === null) repository.description = description
    if (typeof homepage === 'string' || homepage === null) repository.homepage = homepage
    if (visibility) repository.visibility = visibility
    for (const key of storedSettings) if (key in body) repository.settings[key] = body[key]
    if (typeof name === 'string' && name !== repository.name) rename(repository, checkName(name))
    if (archived === true) repository.archived = true
    repository.updatedAt = Date.now()
  }

  function rename(repository: Repository, name: string): void {
    const { login } = repository.owner
    const other = state.repository(login, name)
    if (other && other !== repository) {
      throw validationFailed('Validation Failed', [{ resource: 'Repository', code: 'already_exists', field: 'name' }])
    }
    state.repositories.delete(repositoryKey(login, repository.name))
    state.renamed.set(repositoryKey(login, repository.name), repository)
    repository.name = name
    state.repositories.set(repositoryKey(login, name), repository)
  }
}
