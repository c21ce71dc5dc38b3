import type { FastifyInstance } from 'fastify'
import { RestError } from '../../http/rest-error.ts'
import type { GitHubContext } from '../context.ts'
import { gitHubError } from '../errors.ts'
import { accountRoutes } from './accounts.ts'
import { appRoutes } from './apps.ts'
import { refRoutes } from './refs.ts'
import { repositoryRoutes } from './repositories.ts'
import { teamRoutes } from './teams.ts'

/** The REST API, behind the path where it lives. */
export function gitHubRoutes(app: FastifyInstance, context: GitHubContext, apiPath: string): void {
  // Whatever a body calls itself, it is read as JSON.
  app.addContentTypeParser('*', { parseAs: 'string' }, app.getDefaultJsonParser('ignore', 'ignore'))
  app.setErrorHandler((error, _request, reply) => {
    const answer = error instanceof RestError ? error : gitHubError((error as { statusCode?: number }).statusCode === 400 ? 400 : 500, 'Problems parsing JSON')
    return reply.code(answer.status).headers(answer.headers).send(answer.body)
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(gitHubError(404, 'Not Found').body))
  void app.register(
    (scope, _options, done) => {
      accountRoutes(scope, context)
      repositoryRoutes(scope, context)
      refRoutes(scope, context)
      teamRoutes(scope, context)
      appRoutes(scope, context)
      done()
    },
    { prefix: apiPath },
  )
}
