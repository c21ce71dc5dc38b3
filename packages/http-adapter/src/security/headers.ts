import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/**
 * What browsers may not do with answers, by helmet's rules. Pages for people bring policies of their own.
 *
 * @param secure - people reach the server by https, and only so
 */
export function registerHeaders(app: FastifyInstance, secure: boolean): void {
  const headers = {
    ...helmetHeaders(secure),
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    // What one session sees is nobody else's.
    'cache-control': 'no-store',
  }
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headers).header('x-request-id', request.id)
    done()
  })
}

/** helmet's headers are the same for all answers, so they are asked for once. */
function helmetHeaders(secure: boolean): Record<string, string> {
  const headers: Record<string, string> = {}
  const answer = { setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value), removeHeader: () => {} }
  helmet({ contentSecurityPolicy: false, strictTransportSecurity: secure })({} as IncomingMessage, answer as unknown as ServerResponse, () => {})
  return headers
}
