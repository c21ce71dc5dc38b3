import { RestError } from '../http/rest-error.ts'

const packageOf = 'com.atlassian.bitbucket'

/** An error body: the status alone says little, `exceptionName` says which it is. */
export function bitbucketError(status: number, exceptionName: string | null, message: string, more: object = {}): RestError {
  const name = exceptionName && `${packageOf}.${exceptionName}`
  return new RestError(status, { errors: [{ context: null, message, exceptionName: name, ...more }] })
}

/** Forbidden, which this server says with 401. */
export const forbidden = () =>
  bitbucketError(401, 'AuthorisationException', 'You are not permitted to access this resource')

export const noSuchProject = (key: string) =>
  bitbucketError(404, 'project.NoSuchProjectException', `Project ${key} does not exist.`)

export const noSuchRepository = (project: string, slug: string) =>
  bitbucketError(404, 'repository.NoSuchRepositoryException', `Repository ${project}/${slug} does not exist.`)

export const badCredentials = () =>
  bitbucketError(
    401,
    'auth.IncorrectPasswordAuthenticationException',
    'Authentication failed. Please check your credentials and try again.',
  )

export const captchaRequired = () =>
  bitbucketError(
    403,
    'auth.CaptchaRequiredAuthenticationException',
    'CAPTCHA required. Your Bitbucket account has been marked as requiring a CAPTCHA to be solved before it may be used again.',
  )

export const badArgument = (message: string) => bitbucketError(400, null, message)
