import type { FastifyInstance } from 'fastify'
import { HttpProblem } from './errors.ts'

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'] as const

/**
 * Answers a method that an address does not have with 405 and those that it has.
 *
 * @returns to be called when all routes are known
 */
export function registerMethodCheck(app: FastifyInstance): () => void {
  const known = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const has = known.get(url) ?? new Set()
    for (const one of [method].flat()) has.add(one)
    known.set(url, has)
  })
  return () => {
    for (const [url, has] of [...known]) {
      const missing = methods.filter((method) => !has.has(method))
      const allow = [...has].join(', ')
      app.route({
        method: missing,
        url,
        schema: { hide: true },
        handler: (request) => {
          throw new HttpProblem(405, 'METHOD_NOT_ALLOWED', `${request.method} is not possible here; ${allow} is.`, { headers: { allow } })
        },
      })
    }
  }
}
