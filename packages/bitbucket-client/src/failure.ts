import { SaddleError, statusError, type FailedAnswer, type HttpRequest } from '@saddle/transport'
import { errors } from './schema.ts'

/** Names of the server's exceptions, without their packages (which differ between versions), by the error made of them. */
const exceptions = new WeakMap<SaddleError, string>()

/** The simple name of the exception that the server reported with an error, for example `NoDefaultBranchException`. */
export const exceptionOf = (error: unknown): string | undefined =>
  SaddleError.is(error) ? exceptions.get(error) : undefined

/** What every read of the API sends. */
export const requestOptions = (signal: AbortSignal | undefined): HttpRequest => ({ signal, errorOf: bitbucketError })

/**
 * Makes an error of a failed answer. The exception's name decides, not the status: servers answer 401 both to a wrong
 * password and to a missing permission, and 403 to a demanded CAPTCHA.
 */
export function bitbucketError(answer: FailedAnswer): SaddleError {
  const { exception, message } = reported(answer.text)
  const error = exceptionError(exception ?? '', message, answer)
  if (exception !== undefined) exceptions.set(error, exception)
  return error
}

function exceptionError(exception: string, message: string, answer: FailedAnswer): SaddleError {
  const { context, redactor } = answer
  const host = context.host ?? 'The server'
  const options = { context, redactor }
  if (exception === 'CaptchaRequiredAuthenticationException') {
    return new SaddleError(
      'CAPTCHA_REQUIRED',
      `${host} demands a CAPTCHA after failed logins. Log in to it with a browser as this user, then try again; a token avoids this.`,
      options,
    )
  }
  if (exception.endsWith('AuthenticationException')) {
    return new SaddleError(
      'AUTHENTICATION_FAILED',
      `${host} does not accept the credentials. Check that the token or password is right and has not expired; ` +
        'tokens of projects and repositories work as `token` only, not as a password.',
      options,
    )
  }
  if (exception === 'AuthorisationException') {
    return new SaddleError(
      'FORBIDDEN',
      `${host} knows the credentials, and they may not read ${context.path ?? 'this'}. ` +
        'Ask for read permission on it, or use credentials that have it.',
      options,
    )
  }
  if (exception === 'NoSuchRepositoryException') {
    return new SaddleError(
      'NOT_FOUND',
      `${host} has no such repository (${context.path}), or the credentials may not see it. Check that the repository is ` +
        'given by its slug, the last part of its web address, which can differ from its name.',
      options,
    )
  }
  if (exception === 'NoSuchProjectException') {
    return new SaddleError(
      'NOT_FOUND',
      `${host} has no such project (${context.path}), or the credentials may not see it. Check that it is given by its key, ` +
        'as in its web address (…/projects/KEY), not by its name; a personal project has the key ~user.',
      options,
    )
  }
  const byStatus = statusError(answer)
  const said = message || exception
  if (!said || byStatus.code === 'AUTHENTICATION_FAILED' || byStatus.code === 'INVALID_INPUT') return byStatus
  const { code, retryable } = byStatus
  return new SaddleError(code, `${host} answered ${answer.status} to ${context.path}: ${said.slice(0, longestWords)}`, { ...options, retryable })
}

/** Characters of the server's own words in an error; some of them put a stack into it. */
const longestWords = 500

function reported(text: string): { exception?: string; message: string } {
  try {
    const [first] = errors.parse(JSON.parse(text)).errors
    const exception = first?.exceptionName?.split('.').pop()
    return { ...(exception ? { exception } : {}), message: first?.message ?? '' }
  } catch {
    // Answers of a proxy or a login page carry no exception; the status has to do.
    return { message: '' }
  }
}

/** What a 404 is about: the repository or project, something within it, or (a server without that API) the resource. */
export function missingPart(error: unknown): 'place' | 'content' | 'resource' | undefined {
  if (!SaddleError.is(error) || error.code !== 'NOT_FOUND') return undefined
  const exception = exceptionOf(error)
  if (exception === undefined) return 'resource'
  return exception === 'NoSuchRepositoryException' || exception === 'NoSuchProjectException' ? 'place' : 'content'
}
