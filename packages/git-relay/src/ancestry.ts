import { SaddleError, type GitRemote } from '@saddle/transport'
import { throwIfErr } from './advertisement.ts'
import { fetchPack, uploadRequest } from './fetch-pack.ts'
import { postUploadPack, readAnswer } from './git-http.ts'
import { flushPkt, pktText } from './pkt-line.ts'
import type { RefListing, RefUpdate } from './refs.ts'

/** Options of {@link isAncestor}. */
export interface AncestryOptions {
  protocol: RefListing['protocol']
  objectFormat: RefListing['objectFormat']
  signal?: AbortSignal | undefined
}

/**
 * Asks a source whether one commit is reachable from another, without fetching either.
 *
 * In version 2: `want` the ancestor and `have` the descendant. The pack that the source begins to send says in its first
 * 12 bytes how many objects it holds, and none means reachable; an ancestor that the source does not know is none.
 *
 * In versions 0 and 1, where only tips can be wanted: `want` the descendant and `have` the ancestor. `ACK … ready` means
 * that every want reaches a have (upload-pack's `ok_to_give_up`). It relies on commit dates, so that with clocks that
 * were far off it can say no where yes is true, never the reverse.
 */
export async function isAncestor(source: GitRemote, ancestor: string, descendant: string, options: AncestryOptions): Promise<boolean> {
  if (ancestor === descendant) return true
  return options.protocol === 2 ? isAncestorByPack(source, ancestor, descendant, options) : isAncestorByReady(source, ancestor, descendant, options)
}

async function isAncestorByPack(source: GitRemote, ancestor: string, descendant: string, options: AncestryOptions): Promise<boolean> {
  const { objectFormat, signal } = options
  const header: Buffer[] = []
  let size = 0
  try {
    for await (const piece of fetchPack(source, { protocol: 2, objectFormat, wants: [ancestor], haves: [descendant] }, { signal })) {
      header.push(piece)
      size += piece.length
      if (size >= 12) break
    }
  } catch (error) {
    if (SaddleError.is(error) && error.code === 'NOT_FOUND') return false
    throw error
  }
  const bytes = Buffer.concat(header)
  if (bytes.length < 12) throw new SaddleError('PACK_CORRUPT', 'The source began a pack and did not send its header. Try again.', { retryable: true })
  return bytes.readUInt32BE(8) === 0
}

async function isAncestorByReady(source: GitRemote, ancestor: string, descendant: string, options: AncestryOptions): Promise<boolean> {
  const { objectFormat, signal } = options
  const request = uploadRequest({ objectFormat, wants: [descendant], haves: [ancestor] }, flushPkt)
  const body = await postUploadPack(source, request, { signal })
  return readAnswer(source, body, async (reader) => {
    let ready = false
    for (;;) {
      const line = await reader.read()
      if (!(line instanceof Buffer)) return ready
      throwIfErr(line)
      if (/^ACK [0-9a-f]+ ready$/.test(pktText(line))) ready = true
    }
  })
}

/** Options of {@link findDiverged}. */
export interface DivergenceOptions {
  source: GitRemote
  sourceRefs: RefListing
  updates: readonly RefUpdate[]
  /** Questions under way at once. */
  concurrency?: number
  signal?: AbortSignal | undefined
}

/**
 * The refs whose update would lose something that the target has: branches whose tip there is no ancestor of the
 * source's, and tags that name something else. Asks the source once for each branch that moves; asks nobody on a first
 * migration.
 *
 * @returns full names, in the order of the updates
 */
export async function findDiverged({ source, sourceRefs, updates, concurrency = 8, signal }: DivergenceOptions): Promise<string[]> {
  const { protocol, objectFormat } = sourceRefs
  const moving = updates.flatMap((update) => (update.kind === 'update' ? [update] : []))
  const diverged = new Set<string>()
  let next = 0
  const worker = async (): Promise<void> => {
    for (let update = moving[next++]; update; update = moving[next++]) {
      const { ref, oldOid, newOid } = update
      const kept = !ref.startsWith('refs/tags/') && (await isAncestor(source, oldOid, newOid, { protocol, objectFormat, signal }))
      if (!kept) diverged.add(ref)
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, moving.length) }, worker))
  return moving.flatMap(({ ref }) => (diverged.has(ref) ? [ref] : []))
}
