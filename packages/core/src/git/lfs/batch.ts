import { z } from 'zod'
import { SaddleError, type FailedAnswer, type GitRemote } from '@saddle/transport'
import type { LfsObject } from './pointer.ts'

/** git-lfs itself asks for 100 at a time; servers are built for that. */
export const batchSize = 100

const action = z.object({ href: z.string(), header: z.record(z.string(), z.string()).optional() })

const answer = z.object({
  transfer: z.string().optional(),
  objects: z.array(
    z.object({
      oid: z.string(),
      size: z.number(),
      authenticated: z.boolean().optional(),
      actions: z.object({ download: action.optional(), upload: action.optional(), verify: action.optional() }).optional(),
      error: z.object({ code: z.number(), message: z.string().optional() }).optional(),
    }),
  ),
})

/** Where and with which headers to send one request; links expire, so they are used soon. */
export type LfsAction = z.infer<typeof action>

/** What a server says of one object. */
export type LfsBatchObject = z.infer<typeof answer>['objects'][number]

const mediaType = 'application/vnd.git-lfs+json'

/**
 * Asks a server what to do for at most {@link batchSize} objects (Git LFS batch API, `basic` transfers).
 *
 * @throws NOT_FOUND when the server has no Git LFS for the repository, and what transport throws
 */
export async function lfsBatch(
  remote: GitRemote,
  operation: 'download' | 'upload',
  objects: readonly LfsObject[],
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<LfsBatchObject[]> {
  const { data } = await remote.http.json(`${remote.url}/info/lfs/objects/batch`, {
    method: 'POST',
    // Asking to upload stores nothing: both operations only answer with links.
    idempotent: true,
    headers: { accept: mediaType, 'content-type': mediaType },
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
  const asked = new Set(objects.map(({ oid }) => oid))
  return parsed.data.objects.filter(({ oid }) => asked.has(oid))
}

function batchError({ status, context, redactor, text }: FailedAnswer): SaddleError {
  const host = context.host ?? 'the server'
  const options = { context, redactor }
  const detail = messageOf(text)
  if (status === 401) return new SaddleError('AUTHENTICATION_FAILED', `${host} does not accept the credentials for Git LFS (401). ${detail}`.trim(), options)
  if (status === 403) return new SaddleError('FORBIDDEN', `${host} forbids Git LFS for this repository (403): the credentials need the right to write, and Git LFS has to be switched on. ${detail}`.trim(), options)
  if (status === 404) return new SaddleError('NOT_FOUND', `${host} has no Git LFS for this repository (404): switch it on there. ${detail}`.trim(), options)
  if (status === 413) return new SaddleError('PROTOCOL_ERROR', `${host} refuses batches of ${batchSize} Git LFS objects (413).`, options)
  if (status === 422) return new SaddleError('PROTOCOL_ERROR', `${host} refuses the Git LFS objects asked for (422). ${detail}`.trim(), options)
  if (status === 429) return new SaddleError('RATE_LIMITED', `${host} limits the rate of Git LFS requests (429).`, options)
  if (status === 507) return new SaddleError('UPSTREAM_ERROR', `${host} has no room left for Git LFS objects (507): free or buy storage there. ${detail}`.trim(), { ...options, retryable: false })
  if (status === 509) return new SaddleError('RATE_LIMITED', `${host} has used up its bandwidth for Git LFS (509). ${detail}`.trim(), { ...options, retryable: false })
  return new SaddleError(status >= 500 ? 'UPSTREAM_ERROR' : 'PROTOCOL_ERROR', `${host} failed a Git LFS batch request (${status}). ${detail}`.trim(), options)
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message.slice(0, 500) : ''
  } catch {
    return ''
  }
}
