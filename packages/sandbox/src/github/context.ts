import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Git } from '../git/git.ts'
import { RestError } from '../http/rest-error.ts'
import { adminRights, notAccessible, notFound, requiresAuthentication } from './errors.ts'
import { atLeast, type Actor, type Level, type Organization, type Repository, type User } from './model.ts'
import type { NewTargetRepository } from './options.ts'
import type { Limits } from './limits.ts'
import type { Shapes } from './shapes.ts'
import { repositoryKey, type GitHubState } from './state.ts'

/** Told where REST lives below `/api/v3`, as on an Enterprise Server. */
export const serverVersion = '3.17.0'

/** What the routes share. */
export class GitHubContext {
  readonly git: Git
  readonly state: GitHubState
  readonly shapes: Shapes
  readonly limits: Limits
  /** Version of an Enterprise Server; undefined on github.com. */
  readonly serverVersion?: string
  readonly createRepository: (wanted: NewTargetRepository) => Promise<Repository>
  readonly #actors = new WeakMap<IncomingMessage, Actor>()

  constructor(parts: Pick<GitHubContext, 'git' | 'state' | 'shapes' | 'limits' | 'createRepository' | 'serverVersion'>) {
    this.git = parts.git
    this.state = parts.state
    this.shapes = parts.shapes
    this.limits = parts.limits
    if (parts.serverVersion !== undefined) this.serverVersion = parts.serverVersion
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
    throw actor.kind === 'anonymous' ? requiresAuthentication() : notAccessible('integration')
  }

  /** The repository of the path, by name or number, if the caller sees it, with what the caller may do. */
  repository(request: FastifyRequest): { repository: Repository; level: Level } {
    const { owner = '', repo = '', id } = request.params as { owner?: string; repo?: string; id?: string }
    const actor = this.actor(request)
    const repository = id === undefined ? this.state.repository(owner, repo) : this.state.repositoryById(Number(id))
    const moved = repository ? undefined : this.state.renamed.get(repositoryKey(owner, repo))
    if (moved && atLeast(this.state.access(actor, moved), 'pull')) throw this.#movedTo(request, moved)
    if (!repository) throw notFound()
    const level = this.state.access(actor, repository)
    if (!atLeast(level, 'pull')) throw notFound()
    return { repository, level }
  }

  /** Lets administrators of a repository through. */
  requireAdmin(request: FastifyRequest, repository: Repository, level: Level): void {
    if (atLeast(level, 'admin')) return
    const actor = this.actor(request)
    if (actor.kind === 'installation') throw notAccessible('integration')
    const byUser = actor.kind === 'user' && this.state.accessOfUser(actor.user, repository)
    throw actor.kind === 'user' && actor.permissions && byUser === 'admin' ? notAccessible('personal access token') : adminRights()
  }

  /** A renamed repository is found under its number; a write has to be repeated as it was. */
  #movedTo(request: FastifyRequest, repository: Repository): RestError {
    const read = request.method === 'GET' || request.method === 'HEAD'
    const rest = (request.raw.url ?? '').replace(/^.*?\/repos\/[^/]+\/[^/?]+/, '')
    const url = `${this.shapes.api}/repositories/${repository.id}${rest}`
    const message = read ? 'Moved Permanently' : 'Temporary Redirect'
    return new RestError(read ? 301 : 307, { message, url, documentation_url: 'https://docs.github.com/rest' }, { location: url })
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
