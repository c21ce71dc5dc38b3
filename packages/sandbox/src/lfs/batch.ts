import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendJson } from '../http/send-json.ts'
import { isOid, type LfsObject, type LfsStore } from './store.ts'

/** The media type of the LFS API (git-lfs, docs/api). */
export const lfsMediaType = 'application/vnd.git-lfs+json'

/** A transfer that a client may make. */
export interface LfsAction {
  readonly href: string
  readonly header?: Readonly<Record<string, string>>
  readonly expires_at: string
}

/** What the LFS API of one repository works with. */
export interface LfsRepository {
  readonly store: LfsStore
  readonly mayWrite: boolean
  /** Makes the actions of an upload or a download. */
  actions(operation: 'upload' | 'download', object: LfsObject): Readonly<Record<string, LfsAction>>
}

/** Answers the API of a repository: what follows `info/lfs/`. */
export async function serveLfsApi(
  request: IncomingMessage,
  response: ServerResponse,
  endpoint: string,
  repository: LfsRepository,
): Promise<void> {
  const send = (status: number, body: object) => sendJson(response, status, body, { 'content-type': lfsMediaType })
  // Nothing is ever locked here.
  if (endpoint === 'locks/verify' && request.method === 'POST') return send(200, { ours: [], theirs: [] })
  if (endpoint === 'locks' && request.method === 'GET') return send(200, { locks: [] })
  if (endpoint !== 'objects/batch' || request.method !== 'POST') return send(404, { message: 'Not Found' })
  if (!request.headers.accept?.includes(lfsMediaType)) return send(406, { message: `Accept must be ${lfsMediaType}` })
  const body = await readBatch(request)
  if (!body) return send(422, { message: 'The request is no batch of objects.' })
  const { operation, transfers = ['basic'], hash_algo: algorithm = 'sha256' } = body
  if (algorithm !== 'sha256') return send(409, { message: `Unknown hash algorithm ${algorithm}` })
  if (!transfers.includes('basic')) return send(422, { message: 'Only basic transfers are known.' })
  if (operation === 'upload' && !repository.mayWrite) return send(403, { message: 'You must have push access to this repository.' })
  const objects = await Promise.all(body.objects.map((object) => answerFor(operation, object, repository)))
  send(200, { transfer: 'basic', objects, hash_algo: 'sha256' })
}

interface Batch {
  readonly operation: 'upload' | 'download'
  readonly transfers?: readonly string[]
  readonly hash_algo?: string
  readonly objects: readonly LfsObject[]
}

const largestBody = 4 * 1024 * 1024

async function readBatch(request: IncomingMessage): Promise<Batch | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > largestBody) return undefined
    chunks.push(chunk)
  }
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Batch
    return (body.operation === 'upload' || body.operation === 'download') && Array.isArray(body.objects) ? body : undefined
  } catch {
    return undefined
  }
}

async function answerFor(operation: 'upload' | 'download', { oid, size }: LfsObject, repository: LfsRepository): Promise<object> {
  const refusal = (code: number, message: string) => ({ oid, size, error: { code, message } })
  if (!isOid(oid) || !Number.isSafeInteger(size) || size < 0) return refusal(422, 'Invalid object')
  const stored = await repository.store.size(oid)
  if (operation === 'download') {
    if (stored === undefined) return refusal(404, 'Object does not exist')
    return { oid, size: stored, authenticated: true, actions: repository.actions('download', { oid, size: stored }) }
  }
  // What is here already needs no action.
  if (stored !== undefined) return { oid, size: stored }
  return { oid, size, authenticated: true, actions: repository.actions('upload', { oid, size }) }
}
