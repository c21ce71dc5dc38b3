import type { FastifyInstance, FastifyRequest } from 'fastify'
import { setHead, listRefs } from '../../git/bare-repository.ts'
import { paginate, type GitHubContext } from '../context.ts'
import { adminRights, archivedReadOnly, gitHubError, notFound, validationFailed } from '../errors.ts'
import { atLeast, type Account, type Repository, type Visibility } from '../model.ts'
import { repositoryKey } from '../state.ts'

const storedSettings = ['allow_squash_merge', 'allow_merge_commit', 'allow_rebase_merge', 'allow_auto_merge', 'delete_branch_on_merge']

/** Repositories: read, list, create, change, delete. */
export function repositoryRoutes(app: FastifyInstance, context: GitHubContext): void {
  const { state, shapes } = context

  app.get('/repos/:owner/:repo', (request, reply) => {
    const { owner, repo } = request.params as { owner: string; repo: string }
    const moved = state.renamed.get(repositoryKey(owner, repo))
    if (moved && !state.repository(owner, repo) && atLeast(state.access(context.actor(request), moved), 'pull')) {
      const url = `${shapes.minimalRepository(moved).url.replace(/\/repos\/.*/, '')}/repositories/${moved.id}`
      return reply.code(301).header('location', url).send({ message: 'Moved Permanently', url, documentation_url: 'https://docs.github.com/rest' })
    }
    const { repository, level } = context.repository(request)
    return shapes.repository(repository, level)
  })

  app.get('/repositories/:id', (request) => {
    const { id } = request.params as { id: string }
    const repository = [...state.repositories.values()].find((one) => one.id === Number(id))
    const level = repository && state.access(context.actor(request), repository)
    if (!repository || !level || !atLeast(level, 'pull')) throw notFound()
    return shapes.repository(repository, level)
  })

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

  app.post('/orgs/:org/repos', async (request, reply) => {
    const org = context.organization(request)
    if (!state.administers(context.actor(request), org)) throw gitHubError(403, 'You need admin access to the organization before adding a repository to it.')
    return reply.code(201).send(await create(request, org))
  })

  app.post('/user/repos', async (request, reply) => reply.code(201).send(await create(request, context.viewer(request))))

  app.patch('/repos/:owner/:repo', async (request) => {
    const { repository, level } = context.repository(request)
    if (!atLeast(level, 'admin')) throw adminRights()
    await change(repository, request.body as Record<string, unknown>)
    return shapes.repository(repository, level)
  })

  app.delete('/repos/:owner/:repo', (request, reply) => {
    const { repository, level } = context.repository(request)
    const actor = context.actor(request)
    if (!atLeast(level, 'admin')) throw adminRights()
    if (actor.kind === 'user' && actor.scopes && !actor.scopes.includes('delete_repo')) throw adminRights()
    state.repositories.delete(repositoryKey(repository.owner.login, repository.name))
    return reply.code(204).send()
  })

  app.get('/repos/:owner/:repo/topics', (request) => ({ names: context.repository(request).repository.topics }))

  app.put('/repos/:owner/:repo/topics', (request) => {
    const { repository, level } = context.repository(request)
    if (!atLeast(level, 'admin')) throw adminRights()
    if (repository.archived) throw archivedReadOnly()
    const { names = [] } = request.body as { names?: string[] }
    const wrong = names.find((name) => !/^[a-z0-9][a-z0-9-]{0,49}$/.test(name))
    if (wrong !== undefined || names.length > 20) {
      throw validationFailed('Validation Failed', [`Topic ${wrong ?? 'list'} must start with a lowercase letter or number, consist of 50 characters or less, and can include hyphens.`] as never)
    }
    repository.topics = [...names]
    return { names }
  })

  app.get('/repos/:owner/:repo/branches', async (request, reply) => {
    const { repository } = context.repository(request)
    const refs = await listRefs(context.git, repository.path, 'refs/heads/')
    const { url } = shapes.minimalRepository(repository)
    return paginate(request, reply, refs).map(({ name, oid }) => ({
      name: name.slice('refs/heads/'.length),
      commit: { sha: oid, url: `${url}/commits/${oid}` },
      protected: false,
    }))
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
    const isPrivate = body['private'] === true
    const visibility = (body['visibility'] as Visibility | undefined) ?? (isPrivate ? 'private' : 'public')
    if (actor.kind === 'user' && actor.scopes && !actor.scopes.includes('repo') && !(visibility === 'public' && actor.scopes.includes('public_repo'))) throw notFound()
    if (typeof body['name'] !== 'string' || body['name'] === '') throw missingName()
    const name = body['name'].replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 100)
    if (state.repository(owner.login, name)) {
      throw validationFailed('Repository creation failed.', [{ resource: 'Repository', code: 'custom', field: 'name', message: 'name already exists on this account' }])
    }
    if (visibility === 'internal' && !(owner.kind === 'organization' && owner.enterprise)) {
      throw validationFailed('Validation Failed', [{ resource: 'Repository', code: 'custom', field: 'visibility', message: 'Only organizations associated with an enterprise can set visibility to internal' }])
    }
    const { description, homepage } = body
    const repository = await context.createRepository({ owner: owner.login, name, visibility, ...(typeof description === 'string' ? { description } : {}) })
    if (typeof homepage === 'string') repository.homepage = homepage
    return shapes.repository(repository, 'admin')
  }

  async function change(repository: Repository, body: Record<string, unknown>): Promise<void> {
    const { name, description, homepage, archived, visibility, default_branch: branch } = body
    if (repository.archived && !(archived === false)) throw archivedReadOnly()
    if (archived === false) repository.archived = false
    if (typeof branch === 'string' && branch !== repository.defaultBranch) {
      const refs = await listRefs(context.git, repository.path, 'refs/heads/')
      if (!refs.some((ref) => ref.name === `refs/heads/${branch}`)) {
        throw validationFailed('Validation Failed', [{ resource: 'Repository', code: 'invalid', field: 'default_branch', message: `The branch ${branch} was not found. Please push that ref first or create it via the Git Data API.` }])
      }
      await setHead(repository.path, branch)
      repository.defaultBranch = branch
    }
    if (typeof description === 'string' || description === null) repository.description = description
    if (typeof homepage === 'string' || homepage === null) repository.homepage = homepage
    if (visibility === 'private' || visibility === 'public' || visibility === 'internal') {
      const { owner } = repository
      if (visibility === 'internal' && !(owner.kind === 'organization' && owner.enterprise)) {
        throw validationFailed('Validation Failed', [{ resource: 'Repository', code: 'custom', field: 'visibility', message: 'Only organizations associated with an enterprise can set visibility to internal' }])
      }
      repository.visibility = visibility
    }
    for (const key of storedSettings) if (key in body) repository.settings[key] = body[key]
    if (typeof name === 'string' && name !== repository.name) rename(repository, name)
    if (archived === true) repository.archived = true
    repository.updatedAt = Date.now()
  }

  function rename(repository: Repository, name: string): void {
    const { login } = repository.owner
    if (state.repository(login, name)) {
      throw validationFailed('Validation Failed', [{ resource: 'Repository', code: 'already_exists', field: 'name' }])
    }
    state.repositories.delete(repositoryKey(login, repository.name))
    state.renamed.set(repositoryKey(login, repository.name), repository)
    repository.name = name
    state.repositories.set(repositoryKey(login, name), repository)
  }
}

const missingName = () =>
  validationFailed('Repository creation failed.', [{ resource: 'Repository', code: 'missing_field', field: 'name' }])
