import type { FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Git } from '../git/git.ts'
import type { Access } from './access.ts'
import { userOf } from './access.ts'
import { forbidden, noSuchProject, noSuchRepository } from './errors.ts'
import type { BitbucketLfs } from './lfs.ts'
import type { BitbucketOptions } from './options.ts'
import type { Actor, Level, Project, Repository, User } from './model.ts'
import { pageRequest, type PageRequest } from './pages.ts'
import type { Shapes } from './shapes.ts'
import type { BitbucketState } from './state.ts'

/** What the routes share. */
export class BitbucketContext {
  readonly git: Git
  readonly state: BitbucketState
  readonly access: Access
  readonly shapes: Shapes
  readonly version: string
  readonly pageCap: number
  readonly lfs: BitbucketLfs
  readonly rateLimit: BitbucketOptions['rateLimit']
  readonly #actors = new WeakMap<IncomingMessage, Actor>()

  constructor(parts: Pick<BitbucketContext, 'git' | 'state' | 'access' | 'shapes' | 'version' | 'pageCap' | 'rateLimit' | 'lfs'>) {
    this.git = parts.git
    this.state = parts.state
    this.access = parts.access
    this.shapes = parts.shapes
    this.version = parts.version
    this.pageCap = parts.pageCap
    this.rateLimit = parts.rateLimit
    this.lfs = parts.lfs
  }

  /** Remembers who sent a request, before it is routed. */
  identify(request: IncomingMessage, actor: Actor): void {
    this.#actors.set(request, actor)
  }

  actor(request: FastifyRequest): Actor {
    return this.#actors.get(request.raw) ?? { kind: 'anonymous' }
  }

  viewer(request: FastifyRequest): User | undefined {
    return userOf(this.actor(request))
  }

  paging(request: FastifyRequest, cap = this.pageCap): PageRequest {
    return pageRequest(request.query, Math.min(cap, this.pageCap))
  }

  /** The project of the path, if the caller has that level there. */
  project(request: FastifyRequest, level: Level): Project {
    const { key } = request.params as { key: string }
    const project = this.state.project(key)
    if (!project) throw noSuchProject(key)
    const actor = this.actor(request)
    const allowed = level === 1 ? this.access.seesProject(actor, project) : this.access.toProject(actor, project) >= level
    if (!allowed) throw forbidden()
    return project
  }

  /** The repository of the path, if the caller has that level there. */
  repository(request: FastifyRequest, level: Level): Repository {
    const { key, slug } = request.params as { key: string; slug: string }
    if (!this.state.project(key)) throw noSuchProject(key)
    const repository = this.state.repository(key, slug)
    if (!repository) throw noSuchRepository(key, slug)
    if (this.access.toRepository(this.actor(request), repository) < level) throw forbidden()
    return repository
  }

  /** Lets administrators through, by password only. */
  requireAdmin(request: FastifyRequest): void {
    if (!this.access.isAdmin(this.actor(request))) throw forbidden()
  }
}
