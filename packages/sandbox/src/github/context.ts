import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Git } from '../git/git.ts'
import { notFound, requiresAuthentication } from './errors.ts'
import { atLeast, type Actor, type Level, type Organization, type Repository, type User } from './model.ts'
import type { NewTargetRepository } from './options.ts'
import type { Limits } from './limits.ts'
import type { Shapes } from './shapes.ts'
import type { GitHubState } from './state.ts'

/** What the routes share. */
export class GitHubContext {
  readonly git: Git
  readonly state: GitHubState
  readonly shapes: Shapes
  readonly limits: Limits
  readonly createRepository: (wanted: NewTargetRepository) => Promise<Repository>
  readonly #actors = new WeakMap<IncomingMessage, Actor>()

  constructor(parts: Pick<GitHubContext, 'git' | 'state' | 'shapes' | 'limits' | 'createRepository'>) {
    this.git = parts.git
    this.state = parts.state
    this.shapes = parts.shapes
    this.limits = parts.limits
    this.createRepository = parts.createRepository
  }

  /** Remembers who sent a request, before it is routed. */
  identify(request: IncomingMessage, actor: Actor): void {
    this.#actors.set(request, actor)
  }

  actor(request: FastifyRequest): Actor {
    return this.#actors.get(request.raw) ?? { kind: 'anonymous' }
  }

  /** The user of the request; GitHub refuses installations here. */
  viewer(request: FastifyRequest): User {
    const actor = this.actor(request)
    if (actor.kind === 'user') return actor.user
    throw actor.kind === 'anonymous' ? requiresAuthentication() : notFound()
  }

  /** The repository of the path, if the caller sees it, with what the caller may do. */
  repository(request: FastifyRequest): { repository: Repository; level: Level } {
    const { owner, repo } = request.params as { owner: string; repo: string }
    const repository = this.state.repository(owner, repo)
    if (!repository) throw notFound()
    const level = this.state.access(this.actor(request), repository)
    if (!atLeast(level, 'pull')) throw notFound()
    return { repository, level }
  }

  organization(request: FastifyRequest): Organization {
    const { org } = request.params as { org: string }
    const found = this.state.organization(org)
    if (!found) throw notFound()
    return found
  }
}

/** One page of a list, with the `Link` header that leads to the others. */
export function paginate<T>(request: FastifyRequest, reply: FastifyReply, all: readonly T[]): readonly T[] {
  const query = request.query as { per_page?: string; page?: string }
  const size = Math.min(100, Math.max(1, Number(query.per_page ?? 30) || 30))
  const page = Math.max(1, Number(query.page ?? 1) || 1)
  const last = Math.max(1, Math.ceil(all.length / size))
  const link = (to: number, rel: string) => {
    const url = new URL(`${request.protocol}://${request.headers.host ?? 'localhost'}${request.raw.url ?? ''}`)
    url.searchParams.set('page', String(to))
    return `<${url.href}>; rel="${rel}"`
  }
  const links = [
    ...(page > 1 ? [link(page - 1, 'prev'), link(1, 'first')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
  ]
  if (links.length > 0) void reply.header('link', links.join(', '))
  return all.slice((page - 1) * size, page * size)
}
