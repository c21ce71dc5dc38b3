import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/**
 * What browsers may not do with answers, by helmet's rules; made once, not for each answer. Pages for people bring policies
 * of their own.
 *
 * @param secure - people reach the server by https, and only so
 */
export function registerHeaders(app: FastifyInstance, secure: boolean): void {
  const protect = helmet({ contentSecurityPolicy: false, strictTransportSecurity: secure })
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers({
      'x-request-id': request.id,
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      // What one session sees is nobody else's.
      'cache-control': 'no-store',
    })
    protect(request.raw, reply.raw, (error) => done(error as Error | undefined))
  })
}
