import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isWithoutRefs, listRefs, type RefRecord } from '../../git/bare-repository.ts'
import { paginate, type GitHubContext } from '../context.ts'
import { gitHubError, notFound } from '../errors.ts'
import type { Repository } from '../model.ts'

/** Branches, and refs of any kind. */
export function refRoutes(app: FastifyInstance, context: GitHubContext): void {
  const { git, shapes } = context

  app.get('/repos/:owner/:repo/branches', async (request, reply) => {
    const { repository } = context.repository(request)
    const refs = await listRefs(git, repository.path, 'refs/heads/')
    const { url } = shapes.minimalRepository(repository)
    return paginate(request, reply, refs).map(({ name, oid }) => ({
      name: name.slice('refs/heads/'.length),
      commit: { sha: oid, url: `${url}/commits/${oid}` },
      protected: false,
    }))
  })

  app.get('/repos/:owner/:repo/git/ref/*', async (request) => {
    const { repository, prefix } = await refsOf(request)
    const ref = (await listRefs(git, repository.path, prefix)).find(({ name }) => name === prefix)
    if (!ref) throw notFound()
    return shape(repository, ref)
  })

  app.get('/repos/:owner/:repo/git/matching-refs/*', async (request, reply) => {
    const { repository, prefix } = await refsOf(request)
    // A prefix of names here, where git's own match is by whole parts of them.
    const within = await listRefs(git, repository.path, prefix.slice(0, prefix.lastIndexOf('/') + 1))
    const refs = within.filter(({ name }) => name.startsWith(prefix))
    return paginate(request, reply, refs).map((ref) => shape(repository, ref))
  })

  async function refsOf(request: FastifyRequest): Promise<{ repository: Repository; prefix: string }> {
    const { repository } = context.repository(request)
    if (await isWithoutRefs(repository.path)) throw gitHubError(409, 'Git Repository is empty.')
    return { repository, prefix: `refs/${(request.params as { '*': string })['*']}` }
  }

  function shape(repository: Repository, { name, oid, type }: RefRecord) {
    const { url } = shapes.minimalRepository(repository)
    return {
      ref: name,
      node_id: Buffer.from(`Ref:${repository.id}:${name}`).toString('base64'),
      url: `${url}/git/${name}`,
      object: { sha: oid, type, url: `${url}/git/${type}s/${oid}` },
    }
  }
}
