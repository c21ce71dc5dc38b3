import type { FastifyInstance } from 'fastify'
import { headBranch, isWithoutRefs, listRefs } from '../../git/bare-repository.ts'
import { readCommits } from '../commits.ts'
import type { BitbucketContext } from '../context.ts'
import { bitbucketError } from '../errors.ts'
import { mapPage, page } from '../pages.ts'

/** A repository and what git knows of it. */
export function repositoryRoutes(app: FastifyInstance, context: BitbucketContext): void {
  const { git, state, access, shapes } = context
  const base = '/projects/:key/repos/:slug'

  app.get(base, async (request) => shapes.repository(context.repository(request, 1), context.viewer(request)))

  app.put(base, async (request, reply) => {
    const repository = context.repository(request, 3)
    const { description, archived } = (request.body ?? {}) as { description?: string; archived?: boolean }
    if (description !== undefined) repository.description = description
    if (archived !== undefined) repository.archived = archived
    return reply.code(201).send(shapes.repository(repository, context.viewer(request)))
  })

  app.get(`${base}/default-branch`, async (request, reply) => {
    const { path } = context.repository(request, 1)
    const branch = await headBranch(path)
    if (!branch) return reply.code(204).send()
    return { id: `refs/heads/${branch}`, displayId: branch, type: 'BRANCH' }
  })

  // Deprecated, and differs from the above when there is no commit.
  app.get(`${base}/branches/default`, async (request, reply) => {
    const { path } = context.repository(request, 1)
    const branch = await headBranch(path)
    const [ref] = await listRefs(git, path, `refs/heads/${branch}`)
    return ref ? shapes.branch(ref, branch) : reply.code(204).send()
  })

  app.get(`${base}/branches`, async (request) => {
    const { path } = context.repository(request, 1)
    const { filterText, orderBy } = request.query as Record<string, string | undefined>
    const branch = await headBranch(path)
    const refs = await listRefs(git, path, 'refs/heads/')
    if (orderBy === 'MODIFICATION') refs.sort((one, other) => other.committed - one.committed)
    return mapPage(page(refs, context.paging(request), matching(filterText)), (ref) => shapes.branch(ref, branch))
  })

  app.get(`${base}/tags`, async (request) => {
    const { path } = context.repository(request, 1)
    const { filterText, orderBy } = request.query as Record<string, string | undefined>
    const refs = await listRefs(git, path, 'refs/tags/')
    if (orderBy === 'MODIFICATION') refs.sort((one, other) => other.committed - one.committed)
    return mapPage(page(refs, context.paging(request), matching(filterText)), (ref) => shapes.tag(ref))
  })

  app.get(`${base}/commits`, async (request) => {
    const { path } = context.repository(request, 1)
    const { until, since } = request.query as Record<string, string | undefined>
    if (!until && (await isWithoutRefs(path))) {
      throw bitbucketError(
        404,
        'repository.NoDefaultBranchException',
        'The repository has no default branch: it is empty, or its default branch does not exist.',
      )
    }
    return readCommits(git, path, context.paging(request), { until: until ?? `refs/heads/${await headBranch(path)}`, since })
  })

  app.get(`${base}/commits/:commitId`, async (request) => {
    const { path } = context.repository(request, 1)
    const { commitId } = request.params as { commitId: string }
    const { values } = await readCommits(git, path, { start: 0, limit: 1 }, { until: commitId, since: undefined })
    return values[0]!
  })

  app.get(`${base}/labels`, async (request) => {
    const { labels } = context.repository(request, 1)
    return page(labels.map((name) => ({ name })), context.paging(request))
  })

  app.get(`${base}/forks`, async (request) => {
    const repository = context.repository(request, 1)
    const actor = context.actor(request)
    const forks = [...state.repositories.values()].filter((one) => one.origin === repository)
    const found = page(forks, context.paging(request), (one) => access.toRepository(actor, one) > 0)
    return mapPage(found, (one) => shapes.repository(one, context.viewer(request)))
  })
}

const matching = (filterText: string | undefined) => (ref: { name: string }) =>
  !filterText || ref.name.replace(/^refs\/(heads|tags)\//, '').toLowerCase().includes(filterText.toLowerCase())
