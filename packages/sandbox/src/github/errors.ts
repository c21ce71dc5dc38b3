import { RestError } from '../http/rest-error.ts'

const documentation_url = 'https://docs.github.com/rest'

/** An error body as GitHub writes it. */
export function gitHubError(status: number, message: string, errors?: readonly (object | string)[], headers: Record<string, string> = {}): RestError {
  return new RestError(status, { message, ...(errors ? { errors } : {}), documentation_url, status: String(status) }, headers)
}

export const notFound = (): RestError => gitHubError(404, 'Not Found')
export const badCredentials = (): RestError => gitHubError(401, 'Bad credentials')
export const requiresAuthentication = (): RestError => gitHubError(401, 'Requires authentication')
export const archivedReadOnly = (): RestError => gitHubError(403, 'Repository was archived so is read-only.')
export const adminRights = (): RestError => gitHubError(403, 'Must have admin rights to Repository.')
/** What an App or a fine-grained token was not given. */
export const notAccessible = (by: 'integration' | 'personal access token'): RestError => gitHubError(403, `Resource not accessible by ${by}`)
export const validationFailed = (message: string, errors: readonly (object | string)[]): RestError => gitHubError(422, message, errors)
