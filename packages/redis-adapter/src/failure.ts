import { SaddleError } from '@saddle/core'

/** Whether an error is the server's answer, not the want of one. */
export const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError'

/** The error as stores report it: what happened and what to do about it. */
export function redisError(error: unknown, host: string): SaddleError {
  if (SaddleError.is(error)) return error
  const { message = String(error), code } = error as { message?: string; code?: string }
  const options = { cause: error, context: { host } }
  if (!isReply(error)) {
    return new SaddleError('STORE_FAILED', `Redis at ${host} cannot be reached (${code ?? message}). Nothing that was stored is lost; work goes on when it is back.`, {
      ...options,
      retryable: true,
      context: { host, retryAfter: 5 },
    })
  }
  if (message.startsWith('OOM')) {
    return new SaddleError('STORE_FULL', `Redis at ${host} has reached its memory limit. Raise maxmemory, or forget old migrations (saddle prune --older-than 90d), and resume.`, options)
  }
  if (/^(NOAUTH|WRONGPASS|ERR (AUTH|invalid password))/.test(message)) {
    return new SaddleError('STORE_FAILED', `Redis at ${host} does not accept the credentials. Give user and password in its address.`, options)
  }
  if (/unknown command/i.test(message)) {
    return new SaddleError('STORE_FAILED', `Redis at ${host} does not know a command that is needed; 7.0 or newer is. Update it. (${message})`, options)
  }
  if (message.startsWith('NOPERM')) {
    return new SaddleError('STORE_FAILED', `Redis at ${host} does not let this user do all that is needed: ${message}`, options)
  }
  return new SaddleError('STORE_FAILED', `Redis at ${host} refused a command: ${message}`, options)
}
