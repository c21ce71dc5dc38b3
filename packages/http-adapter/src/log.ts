import { Redactor } from '@saddle/core'
import type { FastifyInstance } from 'fastify'
import { pathOf } from './security/errors.ts'
import { pino, type Logger, type LevelWithSilent } from 'pino'

/** Controls that JSON does not escape but terminals obey: DEL, C1, and those that turn the direction of text. */
const controls = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * A logger that writes JSON lines: no secret that gives itself away by its form, no raw control character, so that a
 * line of the log is a line whatever was in a name.
 *
 * @param output - takes whole lines
 * @param options - `secrets`: values that must not be shown, such as those of the environment
 */
export function createLogger(output: { write(line: string): unknown }, options: { level?: LevelWithSilent; secrets?: Iterable<string> } = {}): Logger {
  const redactor = new Redactor(options.secrets)
  return pino(
    { level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void output.write(redactor.redact(line).replace(controls, escaped)) },
  )
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Logs each request when it is answered: what was asked, without query, headers and body, which can hold secrets. */
export function registerRequestLog(app: FastifyInstance): void {
  if (app.log.level === 'silent') return
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      { method: request.method, path: pathOf(request.url), status: reply.statusCode, durationMs: Math.round(reply.elapsedTime) },
      'request',
    )
  })
}
