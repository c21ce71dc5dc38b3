import type { FastifyError, FastifyInstance } from 'fastify'
import { RestError } from '../../http/rest-error.ts'
import type { BitbucketContext } from '../context.ts'
import { badArgument, bitbucketError } from '../errors.ts'
import { permissionRoutes } from './permissions.ts'
import { projectRoutes } from './projects.ts'
import { pullRequestRoutes } from './pull-requests.ts'
import { repositoryRoutes } from './repositories.ts'
import { serverRoutes } from './server.ts'
import { settingsRoutes } from './settings.ts'
import { sizeRoutes } from './sizes.ts'

/** All of REST, below the context path. The version in a path may be `latest` or any number. */
export function bitbucketRoutes(app: FastifyInstance, context: BitbucketContext, contextPath: string): void {
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    const answer = error instanceof RestError ? error
      : error.statusCode && error.statusCode < 500 ? badArgument(error.message)
      : bitbucketError(500, null, error.message)
    return reply.code(answer.status).headers({ ...answer.headers }).send(answer.body)
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: 'null for uri', 'status-code': 404 }))
  app.register(async (api) => {
    serverRoutes(api, context)
    projectRoutes(api, context)
    repositoryRoutes(api, context)
    permissionRoutes(api, context)
    pullRequestRoutes(api, context)
  }, { prefix: `${contextPath}/rest/api/:version` })
  app.register(async (rest) => settingsRoutes(rest, context), { prefix: `${contextPath}/rest` })
  app.register(async (pages) => sizeRoutes(pages, context), { prefix: contextPath })
}
