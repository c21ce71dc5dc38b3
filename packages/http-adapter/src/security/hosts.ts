import type { FastifyInstance } from 'fastify'
import { HttpProblem } from './errors.ts'

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * Answers only to the names that the operator gave, and to loopback names. A page that lets its own name point to this
 * machine (DNS rebinding) sends that name as `Host`, and gets 421.
 */
export function registerHostCheck(app: FastifyInstance, allowed: readonly string[]): void {
  const known = new Set(allowed.map((host) => host.toLowerCase()))
  app.addHook('onRequest', (request, _reply, done) => {
    const host = request.headers.host?.toLowerCase() ?? ''
    if (!isKnown(host, known)) throw new HttpProblem(421, 'MISDIRECTED', 'This server does not answer under that name. Its operator can allow it.')
    done()
  })
}

function isKnown(host: string, known: ReadonlySet<string>): boolean {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/.exec(host)
  const name = match?.[1]
  if (name === undefined) return false
  return loopback.test(name) || known.has(name) || known.has(host)
}
