import { SaddleError } from '@saddle/core'
import { z } from 'zod'
import { abandoned, askBitbucket, take, type Context } from '../context.ts'
import { HttpProblem } from '../security/errors.ts'
import { assertOwnSite } from '../security/origin.ts'
import * as schema from '../schemas/auth.ts'
import { projectsAnswer, repositoriesAnswer, repositoryAnswer } from '../schemas/bitbucket.ts'
import { errors, projectKey, repositorySlug, upstreamErrors } from '../schemas/common.ts'
import { componentHealth } from '../schemas/health.ts'
import { repositoryDetail } from './bitbucket.ts'
import type { App } from './routes.ts'
import { version } from '../version.ts'

/** Logins, the session, and (as the original system had it) what the Bitbucket login can see. */
export function authRoutes(app: App, context: Context, loginLimit: object): void {
  const { sessions, clients } = context
  const tags = ['auth']
  // Of those routes here that need a login at all.
  const security = [{ session: [] }]

  app.get(
    '/health',
    { schema: { tags, summary: 'Health of this group', response: { 200: componentHealth, ...errors() } } },
    async () => ({ status: 'healthy' as const, component: 'auth', version }),
  )

  app.post(
    '/bitbucket',
    {
      config: loginLimit,
      schema: {
        tags,
        summary: 'Log in to Bitbucket',
        body: schema.bitbucketLogin,
        response: { 200: schema.bitbucketLoginAnswer, ...errors(401, 403, 413, 502, 504) },
      },
    },
    async (request, reply) => {
      const credential = request.body
      const signal = abandoned(reply)
      let username: string
      try {
        const said = await clients.bitbucket(credential, (client) => client.whoAmI({ signal }))
        username = said ?? ('username' in credential ? credential.username : '')
      } catch (error) {
        // Both mean that nobody is logged in; the original has one text for them.
        const { code, message } = SaddleError.from(error)
        if (code === 'AUTHENTICATION_FAILED') throw new HttpProblem(401, 'AUTHENTICATION_FAILED', 'Invalid credentials')
        if (code === 'INVALID_INPUT') throw new HttpProblem(422, 'INVALID_INPUT', message)
        throw error
      }
      await sessions.login(request, reply, { provider: 'bitbucket', username, credential })
      return { status: 'success' as const, message: 'Authentication successful', credentials: { username } }
    },
  )

  app.get(
    '/github/app',
    { schema: { tags, summary: 'Begin to log in to GitHub', response: { 200: schema.githubBeginAnswer, ...errors() } } },
    async (request, reply) => login(context).begin(await sessions.findOrBegin(request, reply)),
  )

  app.post(
    '/github/callback',
    {
      config: loginLimit,
      schema: {
        tags,
        summary: 'Finish to log in to GitHub',
        body: schema.githubCallback,
        response: { 200: schema.successAnswer, ...errors(400, 401, 403, 413, 502, 504) },
      },
    },
    async (request, reply) => {
      const credential = await login(context).finish(await sessions.find(request), request.body, abandoned(reply))
      await sessions.login(request, reply, { provider: 'github', credential })
      return { status: 'success' as const, message: 'GitHub authentication successful' }
    },
  )

  app.get(
    '/session',
    { schema: { tags, summary: 'Who is logged in where', response: { 200: schema.sessionAnswer, ...errors() } } },
    async (request) => {
      const session = await sessions.find(request)
      const bitbucket = session?.bitbucket !== undefined
      const github = session?.github === true
      return {
        authenticated: bitbucket || github,
        bitbucket_authenticated: bitbucket,
        github_authenticated: github,
        bitbucket_username: session?.bitbucket?.username ?? null,
      }
    },
  )

  const logout = { schema: { tags, summary: 'End the session', response: { 200: schema.successAnswer, ...errors(403) } } }
  for (const method of ['GET', 'POST'] as const) {
    app.route({
      method,
      url: '/logout',
      ...logout,
      handler: async (request, reply) => {
        // The original's GET changes something, so it is held to the rule of those that do.
        assertOwnSite(request, context.origins)
        await sessions.end(request, reply)
        return reply.send({ status: 'success' as const, message: 'Logged out' })
      },
    })
  }

  app.get(
    '/bitbucket/projects',
    { schema: { tags, security, summary: 'Keys of the projects that the login can see', response: { 200: projectsAnswer, ...errors(...upstreamErrors) } } },
    (request, reply) =>
      askBitbucket(context, request, reply, async (client, signal) => {
        const projects = await take(client.projects({ signal }), Infinity)
        return { projects: projects.map(({ key }) => key) }
      }),
  )

  app.get(
    '/bitbucket/projects/:project_key/repos',
    {
      schema: {
        tags,
        security,
        summary: 'Slugs of the repositories of a project',
        params: z.object({ project_key: projectKey }),
        response: { 200: repositoriesAnswer, ...errors(...upstreamErrors) },
      },
    },
    (request, reply) =>
      askBitbucket(context, request, reply, async (client, signal) => {
        const found = await take(client.repositories(request.params.project_key, { signal }), Infinity)
        return { repositories: found.map(({ slug }) => slug) }
      }),
  )

  app.get(
    '/bitbucket/projects/:project_key/repos/:repo_slug',
    {
      schema: {
        tags,
        security,
        summary: 'One repository',
        params: z.object({ project_key: projectKey, repo_slug: repositorySlug }),
        response: { 200: repositoryAnswer, ...errors(...upstreamErrors) },
      },
    },
    (request, reply) => {
      const { project_key: project, repo_slug: slug } = request.params
      return askBitbucket(context, request, reply, (client, signal) => repositoryDetail(client, project, slug, signal))
    },
  )
}

function login({ login }: Context) {
  if (login) return login
  throw new HttpProblem(503, 'MISSING_CONFIGURATION', 'No GitHub App is configured on this server. Send a personal access token in the X-GitHub-Token header instead.')
}
