import type { FastifyInstance } from 'fastify'
import type { GitHttpBackend } from '../git/http-backend.ts'
import type { Exchange } from '../http/listener.ts'
import { RestError } from '../http/rest-error.ts'
import { sendJson, sendText } from '../http/send-json.ts'
import { TokenBucket } from '../http/token-bucket.ts'
import { actorName, type Authenticator } from './access.ts'
import type { BitbucketContext } from './context.ts'
import { bitbucketError } from './errors.ts'
import { serveBitbucketGit } from './git.ts'
import type { Actor } from './model.ts'
import type { BitbucketOptions } from './options.ts'

interface FrontDoorParts {
  options: BitbucketOptions
  app: FastifyInstance
  backend: GitHttpBackend
  context: BitbucketContext
  authenticator: Authenticator
  /** Base URL, context path included. */
  url: string
}

/** What every request passes: whose it is, whether it is one too many, and which part of the server it is for. */
export class FrontDoor {
  readonly #parts: FrontDoorParts
  readonly #buckets = new Map<string, TokenBucket>()
  #requests = 0

  constructor(parts: FrontDoorParts) {
    this.#parts = parts
  }

  /** Answers a request, or passes it on. */
  async handle(exchange: Exchange): Promise<void> {
    const { request, response, url } = exchange
    const { options, app, backend, context, authenticator } = this.#parts
    const base = options.contextPath ?? ''
    if (!url.pathname.startsWith(`${base}/`)) return sendJson(response, 404, {})
    const path = url.pathname.slice(base.length)
    if (await context.lfs.serveStorage(exchange, path)) return
    // The page that requests without rights elsewhere are sent to; it answers anyone, with status 200.
    if (path === '/login') return sendText(response, 200, '<!DOCTYPE html><title>Log in</title>\n', { 'content-type': 'text/html;charset=UTF-8' })
    const overGit = path.startsWith('/scm/')
    const tokensKnown = overGit || path.startsWith('/rest/')
    if (!tokensKnown && /^bearer /i.test(request.headers.authorization ?? '')) {
      response.writeHead(302, { location: `${this.#parts.url}/login?next=${encodeURIComponent(path)}`, 'content-length': 0 })
      return void response.end()
    }
    const actor = authenticator.authenticate(request.headers.authorization, tokensKnown)
    if (actor instanceof RestError) {
      const challenge: Record<string, string> = overGit && actor.status === 401 ? { 'www-authenticate': 'Basic realm="Atlassian Bitbucket"' } : {}
      return sendJson(response, actor.status, actor.body, challenge)
    }
    const name = actorName(actor)
    response.setHeader('x-arequestid', `@${++this.#requests}`)
    if (name !== undefined) response.setHeader('x-ausername', encodeURIComponent(name))
    if (this.#overLimit(exchange, actor)) return
    if (overGit) return serveBitbucketGit(exchange, path, actor, context, backend, options.protocol ?? 2)
    context.identify(request, actor)
    app.routing(request, response)
  }

  /** Anonymous requests share a bucket; a user's are counted together, however they were authenticated. */
  #overLimit({ response }: Exchange, actor: Actor): boolean {
    const { rateLimit } = this.#parts.options
    if (!rateLimit) return false
    const who = actorName(actor) ?? ''
    let bucket = this.#buckets.get(who)
    if (!bucket) this.#buckets.set(who, (bucket = new TokenBucket(rateLimit.capacity, rateLimit.fillRate)))
    const wait = bucket.take()
    const headers = rateLimit.headers === false ? {} : {
      'x-ratelimit-limit': String(bucket.capacity),
      'x-ratelimit-remaining': String(bucket.remaining),
      'x-ratelimit-fillrate': String(bucket.fillRate),
      'x-ratelimit-interval-seconds': '1',
    }
    for (const [header, value] of Object.entries(headers)) response.setHeader(header, value)
    if (wait === 0) return false
    const { body } = bitbucketError(429, null, 'You are being rate limited. Try again later.')
    sendJson(response, 429, body, rateLimit.headers === false ? {} : { 'retry-after': String(wait) })
    return true
  }
}
