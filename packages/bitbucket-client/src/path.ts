import { SaddleError } from '@saddle/transport'

/** Longer than any name a server accepts (128 characters), shorter than what harms a log or a request line. */
const longest = 255

/** The REST path of a project, below the base URL. */
export const projectPath = (projectKey: string): string => `rest/api/latest/projects/${segment(projectKey, 'projectKey')}`

/** The REST path of a repository, below the base URL. */
export const repositoryPath = (projectKey: string, slug: string): string =>
  `${projectPath(projectKey)}/repos/${segment(slug, 'slug')}`

/**
 * One percent-encoded segment of a path. What could change the path's meaning, and what no server has as a name, is
 * refused before anything is sent.
 */
export function segment(value: string, option: 'projectKey' | 'slug'): string {
  const what = option === 'slug' ? 'repository slug' : 'project key'
  const fail = (reason: string) =>
    new SaddleError('INVALID_INPUT', `The ${what} ${reason}. ${hints[option]}`, { context: { option } })
  if (typeof value !== 'string' || value.trim() === '') throw fail('is empty')
  if (value.length > longest) throw fail(`is ${value.length} characters long, which no ${what} is`)
  if (/[\p{Cc}\p{Cs}]/u.test(value)) throw fail('contains control characters or is not valid Unicode')
  if (/^\.{1,2}$/.test(value)) throw fail(`is "${value}"`)
  if (/[/\\]/.test(value)) throw fail(`${JSON.stringify(value)} contains a slash`)
  return encodeURIComponent(value)
}

const hints = {
  projectKey: 'Give the key as in the address of the project, for example PROJ, or ~user for a personal project.',
  slug: 'Give the last part of the repository\'s address, …/projects/PROJ/repos/SLUG.',
}
