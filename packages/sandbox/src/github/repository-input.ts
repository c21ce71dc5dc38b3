import { validationFailed } from './errors.ts'
import type { Account, Visibility } from './model.ts'
import { longestName, repositoryName } from './names.ts'

const refusal = (field: string, message: string, title = 'Validation Failed', code = 'custom') =>
  validationFailed(title, [{ resource: 'Repository', code, field, message }])

/** The name a new repository gets for the one that was asked for. */
export function checkName(wanted: unknown): string {
  const title = 'Repository creation failed.'
  if (typeof wanted !== 'string' || wanted === '') {
    throw validationFailed(title, [{ resource: 'Repository', code: 'missing_field', field: 'name' }])
  }
  const name = repositoryName(wanted)
  if (name.length > longestName) throw refusal('name', `name is too long (maximum is ${longestName} characters)`, title)
  if (/^\.{1,2}$|\.git$/i.test(name)) throw refusal('name', 'name is reserved', title)
  return name
}

/** What a description may not be. */
export function checkDescription(description: unknown): void {
  if (typeof description !== 'string') return
  // The control characters of ASCII.
  if (/[\u0000-\u001f\u007f]/.test(description)) throw refusal('description', 'description control characters are not allowed')
  if ([...description].length > 350) throw refusal('description', 'description cannot be more than 350 characters')
}

/** The visibility that a body asks for, by either of its two fields; undefined when by none. */
export function checkVisibility(body: Record<string, unknown>, owner: Account): Visibility | undefined {
  const { visibility = typeof body['private'] === 'boolean' ? (body['private'] ? 'private' : 'public') : undefined } = body
  if (visibility === undefined) return undefined
  if (visibility !== 'private' && visibility !== 'public' && visibility !== 'internal') {
    throw refusal('visibility', `${JSON.stringify(visibility)} is not a visibility`, 'Validation Failed', 'invalid')
  }
  if (visibility === 'internal' && !(owner.kind === 'organization' && owner.enterprise)) {
    throw refusal('visibility', 'Only organizations associated with an enterprise can set visibility to internal')
  }
  return visibility
}

/** The topics that a body asks for. */
export function checkTopics(names: unknown): string[] {
  const topics = Array.isArray(names) ? (names as unknown[]) : []
  if (topics.length > 20) throw validationFailed('Validation Failed', ['A repository cannot have more than 20 topics.'])
  const wrong = topics.find((name) => typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]{0,49}$/.test(name))
  if (wrong !== undefined) {
    throw validationFailed('Validation Failed', [
      'Topics must start with a lowercase letter or number, consist of 50 characters or less, and can include hyphens.',
    ])
  }
  return topics as string[]
}

/** A default branch that does not exist. */
export const noSuchBranch = (branch: string) =>
  refusal('default_branch', `The branch ${branch} was not found. Please push that ref first or create it via the Git Data API.`, 'Validation Failed', 'invalid')
