import { z } from 'zod'
import { askGitHub, take, type Context } from '../context.ts'
import { repositoryDetailOf, repositoryOf } from '../github/shapes.ts'
import { HttpProblem } from '../security/errors.ts'
import { errors, owner, repositoryName, upstreamErrors } from '../schemas/common.ts'
import * as schema from '../schemas/github.ts'
import type { App } from './routes.ts'

/** What is at the target, as the caller's token sees it. */
export function githubRoutes(app: App, context: Context): void {
  const tags = ['github']
  const all = errors(...upstreamErrors)

  app.get('/user', { schema: { tags, summary: 'Whose token it is', response: { 200: schema.user, ...all } } }, (request, reply) =>
    askGitHub(context, request, reply, async (client, signal) => {
      const { login, type, scopes } = await client.viewer({ signal })
      return { login, type, scopes: scopes ? [...scopes] : null }
    }),
  )

  app.get(
    '/organizations',
    { schema: { tags, summary: 'Organisations that the token sees', response: { 200: schema.organizations, ...all } } },
    (request, reply) =>
      askGitHub(context, request, reply, async (client, signal) => {
        const found = await take(client.organizations({ signal }), Infinity)
        return { organizations: found.map(({ id, login, description }) => ({ id, login, description: description ?? null })) }
      }),
  )

  app.get(
    '/organizations/:org/repositories',
    { schema: { tags, summary: 'Repositories of an organisation', params: z.object({ org: owner }), response: { 200: schema.repositories, ...all } } },
    (request, reply) =>
      askGitHub(context, request, reply, async (client, signal) => {
        const found = await take(client.organizationRepositories(request.params.org, { signal }), Infinity)
        return { repositories: found.map(repositoryOf), total_count: found.length }
      }),
  )

  app.get(
    '/repositories/:owner/:repo',
    {
      schema: {
        tags,
        summary: 'One repository',
        params: z.object({ owner, repo: repositoryName }),
        response: { 200: schema.repositoryDetail, ...all },
      },
    },
    (request, reply) =>
      askGitHub(context, request, reply, async (client, signal) => {
        const { owner, repo } = request.params
        const found = await client.repository(owner, repo, { signal })
        if (!found) throw new HttpProblem(404, 'NOT_FOUND', `There is no repository ${owner}/${repo}, or the token may not see it.`)
        return repositoryDetailOf(found)
      }),
  )

  app.post(
    '/repositories',
    {
      schema: {
        tags,
        summary: 'Create an empty repository',
        body: schema.newRepository,
        response: { 201: schema.repositoryDetail, ...errors(...upstreamErrors, 409, 413) },
      },
    },
    (request, reply) =>
      askGitHub(context, request, reply, async (client, signal) => {
        const { description, ...fields } = request.body
        const made = await client.createRepository({ ...fields, ...(description ? { description } : {}) }, { signal })
        return reply.code(201).header('location', `/api/v1/github/repositories/${made.fullName}`).send(repositoryDetailOf(made))
      }),
  )

  app.get(
    '/rate-limit',
    { schema: { tags, summary: "What is left of the token's requests", response: { 200: schema.rateLimit, ...all } } },
    (request, reply) =>
      askGitHub(context, request, reply, async (client, signal) => {
        const limit = await client.rateLimit({ signal })
        return { limit: limit?.limit ?? null, remaining: limit?.remaining ?? null, reset_at: limit?.resetAt ?? null }
      }),
  )
}
