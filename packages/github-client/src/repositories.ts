import { SaddleError, type CallOptions } from '@saddle/transport'
import type { Account } from './accounts.ts'
import { checkOwner, checkRepositoryName, maxTopics } from './names.ts'
import type { Rest } from './rest.ts'
import * as schema from './schema.ts'
import type { NewRepository, RepositoryUpdate, TargetRepository, Viewer } from './types.ts'

const place = 'GET /repos/{owner}/{repo}'

/** Reads a repository; undefined when there is none that the credentials may see. */
export async function readRepository(rest: Rest, owner: string, name: string, { signal }: CallOptions): Promise<TargetRepository | undefined> {
  checkOwner(owner)
  checkRepositoryName(name)
  try {
    const answer = await rest.call(place, { params: { owner, repo: name }, owner, signal })
    const repository = rest.parse(schema.repository, answer)
    return answer.redirected ? Object.freeze({ ...repository, renamedFrom: `${owner}/${name}` }) : repository
  } catch (error) {
    if (SaddleError.from(error).code === 'NOT_FOUND') return undefined
    throw error
  }
}

/** The repositories of a user: all of them to the user's own token, to others the public ones. */
export function listUserRepositories(rest: Rest, { login }: Account, viewer: Viewer, { signal }: CallOptions): AsyncGenerator<TargetRepository, void, undefined> {
  return viewer.login.toLowerCase() === login.toLowerCase()
    ? rest.list('GET /user/repos', schema.repository, { params: { affiliation: 'owner' }, owner: login, signal })
    : rest.list('GET /users/{username}/repos', schema.repository, { params: { username: login }, owner: login, signal })
}

/** Makes a repository in an organisation, or for the user that the token belongs to. */
export async function createRepository(
  rest: Rest,
  { owner, name, description, homepage, visibility }: NewRepository,
  kind: 'organization' | 'user',
  { signal }: CallOptions,
): Promise<TargetRepository> {
  checkRepositoryName(name)
  if (kind === 'user' && visibility === 'internal') {
    throw new SaddleError('INVALID_INPUT', `${owner} is a user, and internal repositories exist only in organisations of an enterprise. Choose private or public.`, {
      context: { target: `${owner}/${name}`, option: 'visibility' },
    })
  }
  const body = { name, description, homepage, private: visibility !== 'public' }
  const about = `${owner}/${name}`
  const answer = await (kind === 'user'
    ? rest.call('POST /user/repos', { params: body, owner, about, signal })
    : rest.call('POST /orgs/{org}/repos', { params: { org: owner, ...body, visibility }, owner, about, signal })
  ).catch((error: unknown) => { throw explained(error, about, visibility) })
  return rest.parse(schema.repository, answer)
}

/** Changes a repository; as few requests as the order allows. */
export async function updateRepository(
  rest: Rest,
  owner: string,
  name: string,
  { topics, archived, description, defaultBranch, visibility, homepage, name: newName }: RepositoryUpdate,
  { signal }: CallOptions,
): Promise<TargetRepository> {
  checkOwner(owner)
  checkRepositoryName(name)
  if (newName !== undefined) checkRepositoryName(newName)
  if (topics && topics.length > maxTopics) {
    throw new SaddleError('INVALID_INPUT', `GitHub keeps at most ${maxTopics} topics for a repository; ${topics.length} were given.`, {
      context: { target: `${owner}/${name}`, option: 'topics' },
    })
  }
  const call = { params: { owner, repo: name }, owner, signal }
  let answer: TargetRepository | undefined
  const patch = async (params: Record<string, unknown>, idempotent = true) => {
    const patched = await rest.call('PATCH /repos/{owner}/{repo}', { ...call, params: { ...call.params, ...params }, idempotent }).catch((error: unknown) => {
      throw explained(error, `${owner}/${name}`, visibility)
    })
    answer = rest.parse(schema.repository, patched)
  }
  if (archived === false) await patch({ archived })
  if (topics) {
    await rest.call('PUT /repos/{owner}/{repo}/topics', { ...call, params: { ...call.params, names: topics } })
    answer = undefined
  }
  const changes = { description, homepage, visibility, default_branch: defaultBranch }
  if (Object.values(changes).some((value) => value !== undefined)) await patch(changes)
  if (newName !== undefined && newName !== name) {
    // Once only: a repetition would not find the old name.
    await patch({ name: newName }, false)
    call.params.repo = newName
  }
  if (archived === true) await patch({ archived })
  return answer ?? rest.get(place, schema.repository, call)
}

/** Deletes a repository whose description carries the marker. */
export async function deleteRepository(rest: Rest, owner: string, name: string, marker: string, { signal }: CallOptions): Promise<void> {
  if (marker.trim() === '') {
    throw new SaddleError('INVALID_INPUT', 'A repository is deleted only by the marker in its description, and the marker is empty.', { context: { option: 'marker' } })
  }
  const repository = await readRepository(rest, owner, name, { signal })
  if (!repository) return
  const target = `${owner}/${name}`
  if (repository.renamedFrom !== undefined || !repository.description?.includes(marker)) {
    throw new SaddleError(
      'FORBIDDEN',
      `${target} is not deleted: ${repository.renamedFrom === undefined ? 'its description does not carry the marker of the migration that made it' : `it is named ${repository.fullName} by now`}. If it is not needed, delete it by hand.`,
      { context: { target } },
    )
  }
  try {
    await rest.call('DELETE /repos/{owner}/{repo}', { params: { owner, repo: name }, owner, signal })
  } catch (error) {
    // Read a moment ago, so it is gone now: the answer to an earlier try was lost.
    if (SaddleError.from(error).code !== 'NOT_FOUND') throw error
  }
}

/** Adds the target to what GitHub said, and the reason where its text is about visibility. */
function explained(thrown: unknown, target: string, visibility: string | undefined): SaddleError {
  const error = SaddleError.from(thrown)
  const context = { ...error.context, target }
  if (visibility === 'internal' && error.code === 'INVALID_INPUT' && /visibility|internal|enterprise/i.test(error.message)) {
    return new SaddleError('INVALID_INPUT', `${target} cannot be internal: only organisations of an enterprise have internal repositories. Choose private or public.`, {
      context: { ...context, option: 'visibility' },
    })
  }
  if (error.code === 'ALREADY_EXISTS') return new SaddleError(error.code, `${target} exists already. Choose another name, or say that the existing one is meant.`, { context })
  return new SaddleError(error.code, error.message, { context, retryable: error.retryable })
}
