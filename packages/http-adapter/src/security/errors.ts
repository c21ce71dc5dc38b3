import type { Socket } from 'node:net'
import { Redactor, SaddleError, type ErrorCode } from '@saddle/core'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod'

/** A field that is not as it must be. */
export interface Issue {
  path: string
  message: string
}

/** The one shape of an error's body. */
export interface ErrorBody {
  detail: string
  code: string
  issues?: Issue[]
}

/** An answer that is an error, thrown by the server's own checks. */
export class HttpProblem extends Error {
  readonly status: number
  readonly code: string
  readonly issues: Issue[] | undefined
  readonly headers: Record<string, string>

  constructor(status: number, code: string, detail: string, extra: { issues?: Issue[]; headers?: Record<string, string> } = {}) {
    super(detail)
    this.status = status
    this.code = code
    this.issues = extra.issues
    this.headers = extra.headers ?? {}
  }
}

/** Nothing there, or nothing that the caller may know of; one text for both. */
export const notFound = (what: string) => new HttpProblem(404, 'NOT_FOUND', `${what} does not exist.`)

/** Input that a schema cannot judge. */
export const invalid = (path: string, message: string) =>
  new HttpProblem(422, 'INVALID_INPUT', `The request is not valid. ${path}: ${message}.`, { issues: [{ path, message }] })

const statuses: Partial<Record<ErrorCode, number>> = {
  INVALID_INPUT: 422,
  AUTHENTICATION_FAILED: 401,
  CAPTCHA_REQUIRED: 403,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  CONFLICT: 409,
  MIGRATION_RUNNING: 409,
  LEASE_LOST: 409,
  REF_DIVERGED: 409,
  RATE_LIMITED: 429,
  TIMEOUT: 504,
  ABORTED: 503,
  STORE_FAILED: 503,
  STORE_FULL: 503,
  BACKEND_UNAVAILABLE: 503,
  MISSING_CONFIGURATION: 503,
  INTERNAL: 500,
}

/** Everything else is something that the source or the target did. */
const upstream = 502
/** Seconds to wait where nobody said how long. */
const retryAfter: Partial<Record<number, number>> = { 429: 60, 503: 5 }

/** Known secrets are removed where they are known; this catches forms that give themselves away. */
const redactor = new Redactor()

/** Makes every failure an answer in the contract's shape: of handlers, of the framework, of unknown routes. */
export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | Error, request, reply) => {
    const problem = problemOf(error)
    if (problem.status >= 500) request.log.error({ err: describe(error) }, 'request failed')
    void send(reply, problem)
  })
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    void send(reply, new HttpProblem(404, 'NOT_FOUND', `There is nothing at ${request.method} ${pathOf(request.url)}.`))
  })
}

/** The answer to a failure. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  if (SaddleError.is(error)) return ofSaddleError(error)
  if (hasZodFastifySchemaValidationErrors(error)) return ofValidation(error)
  if (isResponseSerializationError(error)) return internal()
  const { statusCode, code = '' } = error as Partial<FastifyError>
  if (statusCode === 413) return new HttpProblem(413, 'PAYLOAD_TOO_LARGE', 'The body of the request is too large.')
  if (statusCode === 429) return new HttpProblem(429, 'RATE_LIMITED', 'Too many requests. Wait before asking again.')
  if (code === 'FST_ERR_BAD_URL') return invalid('path', 'is not an address that can be decoded')
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') return invalid('path', 'has a part that is too long')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return invalid('body', 'is not valid JSON')
  return internal()
}

/** Answers what is not even a request of HTTP, and closes the connection. */
export function answerUnparsable(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, code, detail] =
    error.code === 'HPE_HEADER_OVERFLOW' ? ['431 Request Header Fields Too Large', 'HEADERS_TOO_LARGE', 'The headers of the request are too large.']
    : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? ['408 Request Timeout', 'TIMEOUT', 'The request took too long to arrive.']
    : ['400 Bad Request', 'BAD_REQUEST', 'This is not a request of HTTP.']
  const body = JSON.stringify({ detail, code } satisfies ErrorBody)
  socket.end(`HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
}

/** Sends a failure; also used where there is no route and no handler. */
export function send(reply: FastifyReply, problem: HttpProblem): FastifyReply {
  const seconds = retryAfter[problem.status]
  if (seconds !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', String(seconds))
  return reply.code(problem.status).headers(problem.headers).type('application/json').send(JSON.stringify(bodyOf(problem)))
}

/** The body of a failure. */
export function bodyOf({ message, code, issues }: HttpProblem): ErrorBody {
  return { detail: redactor.redact(message), code, ...(issues ? { issues } : {}) }
}

/** The path of a request without its query, which could carry what nobody should read. */
export const pathOf = (url: string): string => url.split('?', 1)[0] ?? url

function ofSaddleError(error: SaddleError): HttpProblem {
  const status = statuses[error.code] ?? upstream
  const { retryAfter: wait, option } = error.context
  const headers: Record<string, string> = wait === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(wait))) }
  const issues = status === 422 ? { issues: [{ path: option ?? 'request', message: error.message }] } : {}
  if (error.code === 'INTERNAL') return internal()
  return new HttpProblem(status, error.code, error.message, { headers, ...issues })
}

function ofValidation(error: { validation: { instancePath: string; message?: string }[]; validationContext?: string }): HttpProblem {
  const place = { querystring: 'query', params: 'path', headers: 'header', body: 'body' }[error.validationContext ?? 'body'] ?? 'body'
  const issues = error.validation.map(({ instancePath, message = 'is not valid' }) => ({
    path: [place, ...instancePath.split('/').filter(Boolean)].join('.'),
    message,
  }))
  const text = issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
  return new HttpProblem(422, 'INVALID_INPUT', `The request is not valid. ${text}.`, { issues })
}

const internal = () => new HttpProblem(500, 'INTERNAL', 'Something went wrong within the server. Its log says what.')

/** What the log says of a failure: never a cause, which could hold a request with its headers. */
export function describe(error: unknown): Record<string, unknown> {
  if (SaddleError.is(error)) return { ...error.toJSON() }
  if (!(error instanceof Error)) return { message: redactor.redact(String(error)) }
  return { name: error.name, message: redactor.redact(error.message), stack: redactor.redact(error.stack ?? '') }
}
