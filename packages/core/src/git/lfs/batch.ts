import { SaddleError, type FailedAnswer, type GitRemote } from '@saddle/transport'
import { z } from 'zod'
import type { LfsObject } from './pointer.ts'

/** git-lfs itself asks for 100 at a time; servers are built for that. */
const batchSize = 100

/** Objects in parts that are good for one request each. */
export function batchesOf(objects: readonly LfsObject[]): LfsObject[][] {
  const batches: LfsObject[][] = []
  for (let at = 0; at < objects.length; at += batchSize) batches.push(objects.slice(at, at + batchSize))
  return batches
}

const action = z.object({
  href: z.string(),
  header: z.record(z.string(), z.string()).nullish(),
  expires_at: z.string().nullish(),
  expires_in: z.number().nullish(),
})

const answer = z.object({
  transfer: z.string().nullish(),
  objects: z.array(
    z.object({
      oid: z.string(),
      authenticated: z.boolean().nullish(),
      actions: z.object({ download: action.nullish(), upload: action.nullish(), verify: action.nullish() }).nullish(),
      error: z.object({ code: z.number(), message: z.string().nullish() }).nullish(),
    }),
  ),
})

/** Where and with which headers to send one request. */
export type LfsAction = z.infer<typeof action>

/** What a server says of one object. */
export type LfsBatchObject = z.infer<typeof answer>['objects'][number]

/** The media type of the Git LFS API. */
export const lfsMediaType = 'application/vnd.git-lfs+json'

/**
 * Asks a server what to do for objects, at most one of {@link batchesOf} (Git LFS batch API, `basic` transfers).
 *
 * @returns what it says, by oid
 * @throws NOT_FOUND when the server has no Git LFS for the repository, and what transport throws
 */
export async function lfsBatch(
  remote: GitRemote,
  operation: 'download' | 'upload',
  objects: readonly LfsObject[],
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Map<string, LfsBatchObject>> {
  const { data } = await remote.http.json(`${remote.url}/info/lfs/objects/batch`, {
    method: 'POST',
    // Asking to upload stores nothing: both operations only answer with links.
    idempotent: true,
    headers: { accept: lfsMediaType, 'content-type': lfsMediaType },
    body: JSON.stringify({
      operation,
      transfers: ['basic'],
      hash_algo: 'sha256',
      objects: objects.map(({ oid, size }) => ({ oid, size })),
    }),
    signal,
    errorOf: batchError,
  })
  const parsed = answer.safeParse(data)
  if (!parsed.success || (parsed.data.transfer ?? 'basic') !== 'basic') {
    throw new SaddleError(
      'PROTOCOL_ERROR',
      `The Git LFS server of ${remote.http.baseUrl.host} answered a batch request with something else than basic transfers.`,
      { context: { host: remote.http.baseUrl.host } },
    )
  }
  return new Map(parsed.data.objects.map((object) => [object.oid, object]))
}

function batchError({ status, context, redactor, text }: FailedAnswer): SaddleError {
  const host = context.host ?? 'the server'
  const options = { context, redactor }
  const detail = messageOf(text)
  const failure = (code: SaddleError['code'], what: string, more = {}) =>
    new SaddleError(code, `${host} ${what} ${detail}`.trim(), { ...options, ...more })
  if (status === 401) return failure('AUTHENTICATION_FAILED', 'does not accept the credentials for Git LFS (401).')
  if (status === 403) return failure('FORBIDDEN', 'forbids Git LFS for this repository (403): the credentials need the right to it, and it has to be switched on.')
  if (status === 404) return failure('NOT_FOUND', 'has no Git LFS for this repository (404): switch it on there.')
  if (status === 422) return failure('PROTOCOL_ERROR', 'refuses the Git LFS objects asked for (422).')
  if (status === 429) return failure('RATE_LIMITED', 'limits the rate of Git LFS requests (429).')
  if (status === 507) return failure('UPSTREAM_ERROR', 'has no room left for Git LFS objects (507): free or buy storage there.', { retryable: false })
  if (status === 509) return failure('RATE_LIMITED', 'has used up its bandwidth for Git LFS (509): wait, or buy more there.', { retryable: false })
  return failure(status >= 500 && status !== 501 ? 'UPSTREAM_ERROR' : 'PROTOCOL_ERROR', `failed a Git LFS batch request (${status}).`)
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? `It says: ${message.slice(0, 500)}` : ''
  } catch {
    return ''
  }
}
