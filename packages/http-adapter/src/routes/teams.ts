import { pairsOf, TeamsManager, toPermissionName, toTeamPermission, type PermissionReport, type Team } from '@saddle/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Patience } from '../clients.ts'
import { askGitHub, take, type Context } from '../context.ts'
import { repositoryOf } from '../github/shapes.ts'
import { errors, flag, owner, repositoryName, upstreamErrors } from '../schemas/common.ts'
import * as schema from '../schemas/teams.ts'
import type { App } from './routes.ts'

const org = z.object({ org: owner })
const orgRepo = z.object({ org: owner, repo: repositoryName })

/** Teams of an organisation, and what they may do with its repositories. */
export function teamsRoutes(app: App, context: Context): void {
  const tags = ['teams']
  const all = errors(...upstreamErrors)
  const ask = <T>(request: FastifyRequest, reply: FastifyReply, work: (manager: TeamsManager, signal: AbortSignal) => Promise<T>, patience?: Patience): Promise<T> =>
    askGitHub(context, request, reply, (github, signal) => work(new TeamsManager({ github }), signal), patience)

  app.get(
    '/organizations/:org/repositories',
    {
      schema: {
        tags,
        summary: 'Repositories by visibility, with counts',
        params: org,
        querystring: z.object({ private: flag(true), internal: flag(true), public: flag(true) }),
        response: { 200: schema.repositories, ...all },
      },
    },
    (request, reply) =>
      ask(request, reply, async (manager, signal) => {
        const { repositories, counts } = await manager.repositories(request.params.org, request.query, { signal })
        return { repositories: repositories.map(repositoryOf), ...countsOf(counts) }
      }),
  )

  app.get(
    '/organizations/:org/repositories/summary',
    { schema: { tags, summary: "Totals by visibility and by the caller's permission", params: org, response: { 200: schema.summary, ...all } } },
    (request, reply) =>
      ask(request, reply, async (manager, signal) => {
        const { total, archived, visibility, permission } = await manager.summary(request.params.org, { signal })
        const { push: write, pull: read, ...same } = permission
        return { ...countsOf({ total, ...visibility }), archived_count: archived, permissions: { ...same, write, read } }
      }),
  )

  app.get(
    '/organizations/:org/repositories/:repo/teams',
    { schema: { tags, summary: 'Teams of a repository, with what they may do', params: orgRepo, response: { 200: z.array(schema.team), ...all } } },
    (request, reply) =>
      ask(request, reply, async (manager, signal) => {
        const { org, repo } = request.params
        const teams = await take(manager.teamsOf(org, repo, { signal }), Infinity)
        return teams.map(({ id, name, slug, permission }) => ({ id, name, slug, permission: toPermissionName(permission) }))
      }),
  )

  app.put(
    '/organizations/:org/repositories/:repo/teams',
    {
      schema: {
        tags,
        summary: 'Give a team a permission on a repository',
        params: orgRepo,
        body: schema.teamUpdate,
        response: { 200: schema.teamUpdateAnswer, ...errors(...upstreamErrors, 413) },
      },
    },
    (request, reply) =>
      ask(request, reply, async (manager, signal) => {
        const { org, repo } = request.params
        const { teamId, permission } = request.body
        await manager.set(org, repo, { id: teamId }, toTeamPermission(permission), { signal })
        return { success: true as const, message: `The team ${teamId} has ${permission} on ${org}/${repo}.`, teamId, permission }
      }),
  )

  app.delete(
    '/organizations/:org/repositories/:repo/teams/:team_id',
    {
      schema: {
        tags,
        summary: 'Take a repository away from a team',
        params: orgRepo.extend({ team_id: schema.teamId }),
        response: { 200: schema.removeAnswer, ...all },
      },
    },
    (request, reply) =>
      ask(request, reply, async (manager, signal) => {
        const { org, repo, team_id: id } = request.params
        await manager.remove(org, repo, { id }, { signal })
        return { success: true as const, message: `The team ${id} has nothing to do with ${org}/${repo}.` }
      }),
  )

  app.get(
    '/organizations/:org/teams',
    { schema: { tags, summary: 'All teams', params: org, response: { 200: z.array(schema.organizationTeam), ...all } } },
    (request, reply) => ask(request, reply, async (manager, signal) => (await take(manager.teams(request.params.org, { signal }), Infinity)).map(teamOf)),
  )

  app.put(
    '/organizations/:org/bulk-permissions',
    {
      schema: {
        tags,
        summary: 'Give teams a permission on many repositories, with a result for each pair',
        params: org,
        body: schema.bulkUpdate,
        response: { 200: schema.bulkUpdateAnswer, ...errors(...upstreamErrors, 413) },
      },
    },
    (request, reply) =>
      ask(request, reply, async (manager, signal) => {
        const { repositories, teamIds, permission } = request.body
        const pairs = pairsOf(repositories, teamIds.map((id) => ({ id })), toTeamPermission(permission))
        return reportOf(await manager.apply(request.params.org, pairs, { signal }))
        // Many changes meet GitHub's limits, and are to be made all the same.
      }, 'job'),
  )
}

const countsOf = (counts: Record<'total' | 'private' | 'internal' | 'public', number>) => ({
  total_count: counts.total,
  private_count: counts.private,
  internal_count: counts.internal,
  public_count: counts.public,
})

const teamOf = ({ id, name, slug, description, privacy, permission }: Team) => ({
  id,
  name,
  slug,
  description: description ?? null,
  privacy: privacy ?? null,
  permission: toPermissionName(permission),
})

function reportOf({ outcomes, successful, failed }: PermissionReport): z.output<typeof schema.bulkUpdateAnswer> {
  const results = new Map<string, z.output<typeof schema.bulkUpdateAnswer>['results'][number]>()
  for (const { repository, team, success, error } of outcomes) {
    const result = results.get(repository) ?? { repository, teams: [] }
    result.teams.push({ teamId: team.id ?? 0, success, ...(error ? { error: error.message } : {}) })
    results.set(repository, result)
  }
  return { results: [...results.values()], total_updates: outcomes.length, successful, failed }
}
