import { SaddleError, throwIfAborted, type GitRemote } from '@saddle/transport'
import { throwIfErr } from './advertisement.ts'
import { fetchPack, UnknownObjectError } from './fetch-pack.ts'
import { agent, askAgain, countingPatience, postUploadPack, readAnswer } from './git-http.ts'
import { discoverProtocol } from './listing.ts'
import { PackMeter } from './pack-meter.ts'
import { flushPkt, pktLine, pktText } from './pkt-line.ts'
import type { RefListing, RefUpdate } from './refs.ts'

/** Options of {@link isAncestor}. */
export interface AncestryOptions {
  /** What the source speaks, from its listing; without it, what an earlier listing through the same client found. */
  protocol?: RefListing['protocol']
  signal?: AbortSignal | undefined
}

/**
 * Whether a commit is the other or one of its ancestors, as the source knows them; without a clone, in one request of
 * a few hundred bytes. A commit that the source does not know is nobody's ancestor.
 *
 * In protocol version 2 the answer is exact. In versions 0 and 1 `descendant` has to be the tip of a ref, and a history
 * whose dates run backwards can hide an ancestor: then the answer is a false no, never a false yes.
 *
 * @param source - the repository that has `descendant`
 * @throws SaddleError `CONFLICT` when the source does not give out `descendant` (versions 0 and 1)
 */
export async function isAncestor(source: GitRemote, ancestor: string, descendant: string, options: AncestryOptions = {}): Promise<boolean> {
  throwIfAborted(options.signal)
  if (ancestor === descendant) return true
  const protocol = options.protocol ?? (await discoverProtocol(source, options))
  const ask = protocol === 2 ? askForPack : askForReady
  return askAgain(() => ask(source, ancestor, descendant, options))
}

/** Options of {@link findDiverged}. */
export interface DivergenceOptions {
  source: GitRemote
  sourceRefs: RefListing
  updates: readonly RefUpdate[]
  /** Questions to the source at once; 4 by default. */
  concurrency?: number
  signal?: AbortSignal | undefined
}

/**
 * The refs whose update would lose something that the target has: branches whose tip there is no ancestor of the
 * source's, and tags that name something else, since tags are not meant to move. Asks the source once for each way that
 * branches move; asks nobody on a first migration.
 *
 * @returns full names, in the order of the updates
 */
export async function findDiverged({ source, sourceRefs, updates, concurrency = 4, signal }: DivergenceOptions): Promise<string[]> {
  const { protocol } = sourceRefs
  const moving = updates.filter((update) => update.kind === 'update')
  // Many branches can move the same way; each way is asked for once.
  const ways = new Map(moving.filter(({ ref }) => !isTag(ref)).map(({ oldOid, newOid }) => [`${oldOid} ${newOid}`, { oldOid, newOid }]))
  const forward = new Set<string>()
  const open = ways.entries()
  const work = async () => {
    for (const [way, { oldOid, newOid }] of open) {
      if (await isAncestor(source, oldOid, newOid, { protocol, signal })) forward.add(way)
    }
  }
  await Promise.all(Array.from({ length: Math.min(Math.max(1, concurrency), ways.size) }, work))
  return moving.filter(({ ref, oldOid, newOid }) => isTag(ref) || !forward.has(`${oldOid} ${newOid}`)).map(({ ref }) => ref)
}

const isTag = (ref: string): boolean => ref.startsWith('refs/tags/')

/**
 * Version 2 serves a `want` of any commit: with the descendant as `have`, the pack is empty exactly if the ancestor is
 * reachable from it. Its header says so, and the rest is not read.
 */
async function askForPack(source: GitRemote, ancestor: string, descendant: string, { signal }: AncestryOptions): Promise<boolean> {
  const meter = new PackMeter()
  const objectFormat = ancestor.length === 64 ? 'sha256' : 'sha1'
  try {
    for await (const piece of fetchPack(source, { protocol: 2, objectFormat, wants: [ancestor], haves: [descendant] }, { signal })) {
      meter.add(piece)
      if (meter.objects !== undefined) return meter.objects === 0
    }
  } catch (error) {
    if (error instanceof UnknownObjectError) return false
    throw error
  }
  throw new SaddleError('PACK_CORRUPT', 'The source sent a pack without a header. Run again.', { retryable: true })
}

/**
 * In versions 0 and 1 only tips can be wanted. The server answers `ready` once every `want` reaches a `have` that it
 * knows, so with one of each, the descendant reaches the ancestor.
 *
 * `shallow` makes that exact: upload-pack takes whoever has a commit to have its parents too, and would be `ready` where
 * the descendant only reaches a parent of the `have`. A commit that is shallow has no parents.
 */
async function askForReady(source: GitRemote, ancestor: string, descendant: string, { signal }: AncestryOptions): Promise<boolean> {
  const format = ancestor.length === 64 ? ' object-format=sha256' : ''
  const want = pktLine(`want ${descendant} multi_ack_detailed side-band-64k agent=${agent}${format}`)
  const request = want + pktLine(`shallow ${ancestor}`) + flushPkt + pktLine(`have ${ancestor}`) + flushPkt
  const body = await postUploadPack(source, request, { signal, patience: countingPatience })
  return readAnswer(source, body, signal, async (reader) => {
    for (;;) {
      const line = await reader.read()
      if (!(line instanceof Buffer)) throw new SaddleError('UPSTREAM_ERROR', 'The source ended its answer before it had said what it has. Run again.')
      const text = pktText(line)
      if (/^ERR .*not our ref/.test(text)) throw new UnknownObjectError(text.slice('ERR '.length))
      throwIfErr(line)
      if (text === `ACK ${ancestor} ready`) return true
      if (text === 'NAK') return false
    }
  })
}
