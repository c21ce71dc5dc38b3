import Fastify, { type FastifyInstance } from 'fastify'
import { mkdirSync } from 'node:fs'
import pLimit from 'p-limit'
import type { FaultHandle, FaultRule } from './faults.ts'
import type { Git } from './git/git.ts'
import { createBareRepository } from './git/bare-repository.ts'
import { GitHttpBackend } from './git/http-backend.ts'
import { Listener, listenerOptions, type Exchange } from './http/listener.ts'
import type { RecordedRequest } from './http/recording.ts'
import { plantSeed, type Seed } from './seed.ts'

/** What a server of the sandbox is started with. */
export interface ServerParts {
  readonly git: Git
  /** Folder for the bare repositories. */
  readonly folder: string
  readonly tls?: { readonly key: string; readonly cert: string }
  /** What every request is delayed by now. */
  readonly delayMs: () => number
}

/** What both servers have: a listener that records requests and makes them fail, git over HTTP, and REST routes. */
export abstract class SandboxServer {
  /** @internal */
  protected readonly parts: ServerParts
  /** @internal */
  protected readonly listener: Listener
  /** @internal */
  protected readonly backend: GitHttpBackend
  /** @internal */
  protected readonly app: FastifyInstance = Fastify({ bodyLimit: 16 * 1024 * 1024, routerOptions: { maxParamLength: 20_000 } })
  readonly #seeding = pLimit(8)

  /** @internal */
  protected constructor(parts: ServerParts, options: { readonly host?: string; readonly port?: number }) {
    mkdirSync(parts.folder, { recursive: true })
    this.parts = parts
    this.backend = new GitHttpBackend(parts.git, parts.folder)
    this.listener = new Listener(listenerOptions(parts, options), (exchange) => this.handle(exchange))
  }

  /** Every request so far, in the order they came. */
  get requests(): RecordedRequest[] {
    return this.listener.requests
  }

  /** Forgets the requests so far. */
  clearRequests(): void {
    this.listener.requests.length = 0
  }

  /** Makes matching requests fail. */
  fault(rule: FaultRule): FaultHandle {
    return this.listener.fault(rule)
  }

  /** Stops the server. */
  async close(): Promise<void> {
    await Promise.all([this.listener.close(), this.backend.close(), this.app.close()])
  }

  /**
   * Answers a request that no fault applies to.
   * @internal
   */
  protected abstract handle(exchange: Exchange): Promise<void>

  /**
   * Makes a bare repository and fills it; a few at a time, as each takes processes.
   * @internal
   */
  protected plant(repository: { path: string; defaultBranch: string; objectFormat?: 'sha1' | 'sha256' | undefined; seed?: Seed | undefined; key: string }): Promise<void> {
    const { path, defaultBranch, objectFormat, seed, key } = repository
    return this.#seeding(async () => {
      await createBareRepository(path, defaultBranch, objectFormat)
      if (seed) await plantSeed(this.parts.git, path, seed, key)
    })
  }
}
