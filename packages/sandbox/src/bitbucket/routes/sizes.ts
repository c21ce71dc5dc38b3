import type { FastifyInstance } from 'fastify'
import { objectsSize } from '../../git/bare-repository.ts'
import type { BitbucketContext } from '../context.ts'

/** The size of a repository, which a page of the web interface tells: outside of REST, unknown to tokens. */
export function sizeRoutes(app: FastifyInstance, context: BitbucketContext): void {
  app.get('/projects/:key/repos/:slug/sizes', async (request) => {
    const { path } = context.repository(request, 1)
    return { repository: await objectsSize(path), attachments: 0 }
  })
}
