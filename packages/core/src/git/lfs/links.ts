import { SaddleError, type GitRemote } from '@saddle/transport'
import { lfsBatch, type LfsAction, type LfsBatchObject } from './batch.ts'
import type { LfsObject } from './pointer.ts'

/** Where an object comes from and where it goes to. */
export interface LfsLinks {
  from: LfsBatchObject
  to: LfsBatchObject
  /** When the first of the links ends, on the clock of `Date.now()`; Infinity when none says so. */
  expiresAt: number
}

/** What is to be done about an object: nothing, since the target has it or the source has not; or to move it. */
export type LfsTask = 'present' | 'missing' | LfsLinks

/** Asks the target what it lacks, then the source for that alone: two requests for one batch of objects. */
export async function tasksOf(
  objects: readonly LfsObject[],
  source: GitRemote,
  target: GitRemote,
  signal: AbortSignal | undefined,
): Promise<Map<string, LfsTask>> {
  const tasks = new Map<string, LfsTask>()
  const uploads = await lfsBatch(target, 'upload', objects, { signal })
  const lacking = objects.filter((object) => {
    const upload = answerFor(object, uploads, target)
    if (upload.error) throw objectError(target, object, upload.error)
    if (!upload.actions?.upload) tasks.set(object.oid, 'present')
    return upload.actions?.upload
  })
  if (lacking.length === 0) return tasks
  const askedAt = Date.now()
  const downloads = await lfsBatch(source, 'download', lacking, { signal })
  for (const object of lacking) {
    const from = answerFor(object, downloads, source)
    if (from.error && !isGone(from.error)) throw objectError(source, object, from.error)
    const to = answerFor(object, uploads, target)
    const links = [from.actions?.download, to.actions?.upload]
    const expiresAt = Math.min(...links.map((link) => expiry(link, askedAt)))
    tasks.set(object.oid, from.actions?.download ? { from, to, expiresAt } : 'missing')
  }
  return tasks
}

/** Those of the objects that the source itself does not have, asked for in one request. */
export async function missingAt(source: GitRemote, objects: readonly LfsObject[], signal?: AbortSignal): Promise<LfsObject[]> {
  const downloads = await lfsBatch(source, 'download', objects, { signal })
  return objects.filter((object) => {
    const { error } = answerFor(object, downloads, source)
    return error && isGone(error)
  })
}

type ObjectError = NonNullable<LfsBatchObject['error']>

const isGone = ({ code }: ObjectError): boolean => code === 404 || code === 410

function answerFor({ oid }: LfsObject, answers: ReadonlyMap<string, LfsBatchObject>, { http }: GitRemote): LfsBatchObject {
  const answer = answers.get(oid)
  if (answer) return answer
  const { host } = http.baseUrl
  throw new SaddleError('PROTOCOL_ERROR', `The Git LFS server of ${host} says nothing of the object ${oid}, which it was asked for.`, { context: { host } })
}

function objectError({ http }: GitRemote, { oid }: LfsObject, { code, message }: ObjectError): SaddleError {
  const { host } = http.baseUrl
  const text = message ? `: ${message.slice(0, 500)}` : ''
  return new SaddleError(code >= 500 ? 'UPSTREAM_ERROR' : 'PROTOCOL_ERROR', `${host} refuses the Git LFS object ${oid} (${code}${text}).`, {
    context: { host, status: code },
    redactor: http.redactor,
    // No room left (507) and bandwidth used up (509) do not pass by themselves.
    retryable: code >= 500 && code < 507,
  })
}

/** `expires_in` counts from the answer and is worth more than `expires_at`, which two clocks have to agree on. */
function expiry(link: LfsAction | null | undefined, askedAt: number): number {
  if (typeof link?.expires_in === 'number' && link.expires_in > 0) return askedAt + link.expires_in * 1000
  const at = Date.parse(link?.expires_at ?? '')
  // The zero time of Go, which some servers send for "never".
  return Number.isNaN(at) || at < 0 ? Infinity : at
}
