import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpProblem } from './errors.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses what a foreign page could make a browser send with somebody's cookie: a write from an origin that is not
 * allowed, a write that the browser itself calls cross-site, and a body of a kind that forms and simple requests have.
 * Programs send no `Origin` and are not concerned.
 */
export function registerOriginCheck(app: FastifyInstance, allowed: ReadonlySet<string>): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (!safeMethods.has(request.method)) assertNotForged(request, allowed)
    done()
  })
}

function assertNotForged(request: FastifyRequest, allowed: ReadonlySet<string>): void {
  assertOwnSite(request, allowed)
  const type = request.headers['content-type']
  if (type === undefined || /^application\/json\s*(;|$)/i.test(type)) return
  throw new HttpProblem(403, 'CSRF', 'Bodies are taken as application/json only, which a page of another origin cannot send unasked.')
}

/** Throws unless the request comes from a program, from the server's own pages, or from an allowed origin. */
export function assertOwnSite(request: FastifyRequest, allowed: ReadonlySet<string>): void {
  const { origin } = request.headers
  if (origin === undefined) {
    const site = request.headers['sec-fetch-site']
    if (site === undefined || site === 'same-origin' || site === 'none') return
  } else if (allowed.has(origin) || origin === `${request.protocol}://${request.headers.host}`) {
    return
  }
  throw new HttpProblem(403, 'CSRF', 'This origin may not make changes here. The server\'s operator can allow it.')
}
