import { Redactor, SaddleError, type ErrorCode } from '@saddle/core'
import { secretsOf } from './environment.ts'
import { escape, escapedJson } from './escape.ts'
import { exitStatus, type ExitStatus } from './exit-status.ts'
import type { Io } from './io.ts'
import { styleOf } from './render/style.ts'

/** How a failure is shown. */
export interface FailureOptions {
  /** Adds stack and causes. */
  debug?: boolean | undefined
  /** Ends standard output with a line of JSON as well. */
  json?: boolean | undefined
}

/** Shows what went wrong in one sentence, with its code, and says what to exit with. */
export function reportFailure(thrown: unknown, io: Io, { debug = false, json = false }: FailureOptions = {}): ExitStatus {
  const redactor = new Redactor(secretsOf(io.env))
  const error = SaddleError.from(thrown)
  const { colour } = styleOf(io.stderr, io.env)
  const text = escape(redactor.redact(error.message))
  const label = error.code === 'ABORTED' ? colour.yellow('cancelled:') : colour.red('error:')
  io.stderr.write(`${label} ${text} ${colour.dim(`(${error.code})`)}\n`)
  if (debug) {
    for (const line of stackOf(thrown)) io.stderr.write(`${colour.dim(escape(redactor.redact(line)))}\n`)
  }
  if (json) io.stdout.write(`${escapedJson({ type: 'error', error: redactor.redactValue(error.toJSON()) })}\n`)
  return statusOf(error.code)
}

/** The exit status that a failure of this kind leads to. */
export function statusOf(code: ErrorCode): ExitStatus {
  switch (code) {
    case 'INVALID_INPUT':
    case 'MISSING_CONFIGURATION':
      return exitStatus.usage
    case 'ABORTED':
      return exitStatus.interrupted
    default:
      return exitStatus.failed
  }
}

/** The lines of the stacks of an error and of what caused it. */
function stackOf(thrown: unknown): string[] {
  const lines: string[] = []
  for (let error = thrown, depth = 0; error !== undefined && depth < 5; depth++) {
    lines.push(...(error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error)).split('\n'))
    error = error instanceof Error ? error.cause : undefined
    if (error !== undefined) lines.push('caused by:')
  }
  return lines
}
