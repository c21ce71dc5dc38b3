import type { BitbucketClient, BitbucketRepository } from '@saddle/core'
import { z } from 'zod'
import { askBitbucket, take, type Context } from '../context.ts'
import * as schema from '../schemas/bitbucket.ts'
import { count, errors, flag, projectKey, repositorySlug, upstreamErrors } from '../schemas/common.ts'
import type { App } from './routes.ts'

/** What is on the source, as the session's Bitbucket login sees it. */
export function bitbucketRoutes(app: App, context: Context): void {
  const tags = ['bitbucket']
  const many = { max: 100_000, value: 1500 }

  app.get(
    '/projects',
    {
      schema: {
        tags,
        summary: 'Keys of projects',
        querystring: z.object({ start: count({ max: 10_000_000, value: 0 }), max_projects: count(many) }),
        response: { 200: schema.projectsAnswer, ...errors(...upstreamErrors) },
      },
    },
    (request, reply) =>
      askBitbucket(context, request, reply, async (client, signal) => {
        const { start, max_projects: max } = request.query
        const projects = await take(client.projects({ signal }), max, start)
        return { projects: projects.map(({ key }) => key) }
      }),
  )

  app.get(
    '/projects/:project_key/repositories',
    {
      schema: {
        tags,
        summary: 'Slugs of the repositories of a project',
        params: z.object({ project_key: projectKey }),
        querystring: z.object({ start: count({ max: 10_000_000, value: 0 }), max_repos: count(many) }),
        response: { 200: schema.repositoriesAnswer, ...errors(...upstreamErrors) },
      },
    },
    (request, reply) =>
      askBitbucket(context, request, reply, async (client, signal) => {
        const { start, max_repos: max } = request.query
        const found = await take(client.repositories(request.params.project_key, { signal }), max, start)
        return { repositories: found.map(({ slug }) => slug) }
      }),
  )

  app.get(
    '/projects/:project_key/repositories/all',
    {
      schema: {
        tags,
        summary: 'All repositories of a project, every page followed',
        params: z.object({ project_key: projectKey }),
        querystring: z.object({ include_archived: flag(false) }),
        response: { 200: schema.repositoryListAnswer, ...errors(...upstreamErrors) },
      },
    },
    (request, reply) =>
      askBitbucket(context, request, reply, async (client, signal) => {
        const found = await take(client.repositories(request.params.project_key, { signal }), Infinity)
        const repositories = found.filter(({ archived }) => request.query.include_archived || !archived).map(summary)
        return { repositories, total: repositories.length }
      }),
  )

  app.get(
    '/projects/:project_key/repositories/:repo_slug',
    {
      schema: {
        tags,
        summary: 'One repository',
        params: z.object({ project_key: projectKey, repo_slug: repositorySlug }),
        response: { 200: schema.repositoryAnswer, ...errors(...upstreamErrors) },
      },
    },
    (request, reply) => {
      const { project_key: project, repo_slug: slug } = request.params
      return askBitbucket(context, request, reply, (client, signal) => repositoryDetail(client, project, slug, signal))
    },
  )
}

/** A repository with what takes further requests to learn. */
export async function repositoryDetail(client: BitbucketClient, project: string, slug: string, signal: AbortSignal): Promise<z.output<typeof schema.repositoryAnswer>> {
  const repository = await client.repository(project, slug, { signal })
  const [branch, size] = await Promise.all([
    client.defaultBranch(project, slug, { signal }),
    repository.size === undefined ? client.size(project, slug, { signal }) : { repository: repository.size },
  ])
  return {
    ...summary(repository),
    project: repository.projectKey,
    size_bytes: size?.repository ?? null,
    default_branch: branch?.replace(/^refs\/heads\//, '') ?? null,
    fork_of: repository.origin ? `${repository.origin.projectKey}/${repository.origin.slug}` : null,
  }
}

const summary = ({ slug, name, description, archived, public: open }: BitbucketRepository) => ({
  slug,
  name,
  description: description ?? null,
  archived,
  private: !open,
})
