import type { FastifyInstance, FastifyRequest } from 'fastify'
import { readCommits } from '../commits.ts'
import type { BitbucketContext } from '../context.ts'
import { bitbucketError } from '../errors.ts'
import type { PullRequest, Repository } from '../model.ts'
import { mapPage, page } from '../pages.ts'

/** Pull requests of a repository: the list shows the open ones unless asked. */
export function pullRequestRoutes(app: FastifyInstance, context: BitbucketContext): void {
  const { shapes } = context
  const base = '/projects/:key/repos/:slug/pull-requests'

  const find = (request: FastifyRequest): { repository: Repository; pull: PullRequest } => {
    const repository = context.repository(request, 1)
    const { id } = request.params as { id: string }
    const pull = repository.pullRequests.find((one) => String(one.id) === id)
    if (pull) return { repository, pull }
    throw bitbucketError(404, 'pull.NoSuchPullRequestException', `No pull request exists with ID ${id} for this repository.`)
  }

  app.get(base, async (request) => {
    const repository = context.repository(request, 1)
    const { state = 'OPEN', order = 'NEWEST', at, direction = 'INCOMING' } = request.query as Record<string, string | undefined>
    const pulls = [...repository.pullRequests]
    if (order === 'NEWEST') pulls.reverse()
    const found = page(pulls, context.paging(request), (one) =>
      (state === 'ALL' || one.state === state) && (!at || (direction === 'OUTGOING' ? one.fromRef : one.toRef).id === at))
    return mapPage(found, (one) => shapes.pullRequest(repository, one, context.viewer(request)))
  })

  app.get(`${base}/:id`, async (request) => {
    const { repository, pull } = find(request)
    return shapes.pullRequest(repository, pull, context.viewer(request))
  })

  app.get(`${base}/:id/activities`, async (request) => page(find(request).pull.activities, context.paging(request, 500)))

  // Tasks: the comments among the activities that are of this severity.
  app.get(`${base}/:id/blocker-comments`, async (request) => {
    const comments = find(request).pull.activities.flatMap((one) => (one as { comment?: { severity?: string } }).comment ?? [])
    return page(comments.filter(({ severity }) => severity === 'BLOCKER'), context.paging(request))
  })

  app.get(`${base}/:id/commits`, async (request) => {
    const { repository, pull } = find(request)
    const range = { until: pull.fromRef.latestCommit, since: pull.toRef.latestCommit }
    return readCommits(context.git, repository.path, context.paging(request), range)
  })
}
