import type { Credentials } from '@saddle/core'
import type { FastifyRequest } from 'fastify'
import { HttpProblem } from '../security/errors.ts'

/** A personal access token that a caller without a session brings: `Authorization: Bearer …` or `X-GitHub-Token: …`. */
export function headerToken(request: FastifyRequest): Credentials['github'] | undefined {
  const { authorization } = request.headers
  const own = request.headers['x-github-token']
  const token = /^Bearer +(.*)$/i.exec(authorization ?? '')?.[1] ?? (typeof own === 'string' ? own : undefined)
  if (token === undefined) return undefined
  if (/^[\x21-\x7e]{1,1000}$/.test(token)) return { token }
  throw new HttpProblem(401, 'NOT_AUTHENTICATED', 'The GitHub token in the header is empty or has characters that no token has.')
}
