import type { FastifyInstance } from 'fastify'
import { HttpProblem } from './errors.ts'

/** Takes bodies as they are: what is compressed is not inflated, so that it cannot grow beyond the limit. */
export function registerEncodingCheck(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      throw new HttpProblem(415, 'UNSUPPORTED_ENCODING', 'Bodies are taken without Content-Encoding.')
    }
    done()
  })
}
