/**
 * isomorphic-git, for small repositories on hosts without git.
 *
 * @module @saddle/core/git/isomorphic
 */
import * as nodeFs from 'node:fs'
import { fetchPack, relayPack, tipsOf, type RefUpdate } from '@saddle/git-relay'
import { SaddleError, throwIfAborted } from '@saddle/transport'
import type { PromiseFsClient } from 'isomorphic-git'
import type { GitBackend, GitTransfer, TransferOptions, TransferResult } from './backend.ts'
import { loadLibrary, PackedObjects } from './isomorphic/objects.ts'
import { pushInParts } from './parts.ts'
import { makeWorkFolder, type WorkFolder } from './work-folder.ts'

/** Options of {@link IsomorphicBackend}. */
export interface IsomorphicBackendOptions {
  /** Where the pack is kept: a file system with promises, as isomorphic-git takes it. The machine's own by default. */
  fs?: PromiseFsClient
  /** An existing folder of `fs` to work in; left as it was. With the machine's own file system the system's temporary folder. */
  workDirectory?: string
  /** The largest pack that is taken, in bytes, since it is held in memory; 100 MiB by default. */
  sizeLimitBytes?: number
}

const mebibyte = 1024 * 1024

/**
 * Moves small repositories on hosts that have no git program and no way to stream a push: the pack is held in memory,
 * checked with isomorphic-git (an optional peer) and sent whole, as a request that says its length. One over the
 * target's limit is cut with isomorphic-git, in steps along the history. SHA-1 only. While isomorphic-git computes, an
 * abort waits for it.
 */
export class IsomorphicBackend implements GitBackend {
  readonly name = 'isomorphic'
  readonly #options: IsomorphicBackendOptions

  constructor(options: IsomorphicBackendOptions = {}) {
    this.#options = options
  }

  async transfer(request: GitTransfer, options: TransferOptions = {}): Promise<TransferResult> {
    throwIfAborted(options.signal)
    const library = await loadLibrary()
    if (request.sourceRefs.objectFormat !== 'sha1') throw new SaddleError('BACKEND_UNAVAILABLE', 'The isomorphic git backend knows SHA-1 repositories only. Ask for relay or native.', { context: { option: 'options.git' } })
    const limit = request.limits?.packBytes ?? Infinity
    if ((request.sourceBytes ?? 0) > 2 * this.#limit && request.targetRefs.refs.size === 0) throw this.#tooLarge()
    const wanted = request.updates.flatMap((update) => (update.kind === 'create' || update.kind === 'update' ? [update.newOid] : []))
    const { pack, count } = await this.#fetch(request, wanted, options)
    throwIfAborted(options.signal)
    const folder = await this.#folder(request)
    try {
      const objects = pack && (await PackedObjects.store(library, this.#fs, folder.path, pack, count))
      const sent = new Set<string>()
      const { steps: _, ...result } = await pushInParts({
        request,
        onProgress: options.onProgress,
        graph: async () => (objects ? objects.graph(wanted) : new Map()),
        send: async (updates) => {
          const tips = updates.flatMap((update) => (update.kind === 'delete' ? [] : [update.newOid]))
          const isWhole = sent.size === 0 && tips.length === wanted.length && tips.every((oid, index) => oid === wanted[index])
          if (isWhole && pack && pack.length > limit) return { sent: false, bytes: pack.length }
          const part = isWhole || !objects ? { pack, oids: [] } : await objects.pack(tips, sent)
          if ((part.pack?.length ?? 0) > limit) return { sent: false, bytes: part.pack!.length }
          const outcome = await this.#push(request, updates, part.oids.length > 0 || isWhole ? part.pack : undefined, options)
          if (outcome.sent) for (const oid of part.oids) sent.add(oid)
          return outcome
        },
      })
      return result
    } finally {
      await folder.remove()
    }
  }

  get #fs(): PromiseFsClient {
    return this.#options.fs ?? nodeFs
  }

  get #limit(): number {
    return this.#options.sizeLimitBytes ?? 100 * mebibyte
  }

  async #fetch({ source, sourceRefs, targetRefs }: GitTransfer, wanted: readonly string[], { signal, onProgress }: TransferOptions): Promise<{ pack: Buffer | undefined; count: number }> {
    const haves = new Set(tipsOf(targetRefs))
    const wants = [...new Set(wanted)].filter((oid) => !haves.has(oid))
    if (wants.length === 0) return { pack: undefined, count: 0 }
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of fetchPack(source, { ...sourceRefs, wants, haves: [...haves] }, { signal })) {
      // Views of what arrived would keep all of it.
      pieces.push(Buffer.from(piece))
      bytes += piece.length
      if (bytes > this.#limit) throw this.#tooLarge()
      onProgress?.({ phase: 'counting', bytes, objects: 0 })
    }
    const pack = Buffer.concat(pieces)
    if (pack.length < 32) throw new SaddleError('PACK_CORRUPT', 'The source sent no pack where one was due; no ref was moved. Run again.', { retryable: true })
    return { pack, count: pack.readUInt32BE(8) }
  }

  async #push({ source, target, sourceRefs, targetRefs }: GitTransfer, updates: readonly RefUpdate[], pack: Uint8Array | undefined, { signal, onProgress }: TransferOptions) {
    const haves = pack ? [] : updates.flatMap((update) => (update.kind === 'delete' ? [] : [update.newOid]))
    try {
      // With everything already there for the target, or a pack at hand, the source is not asked.
      const result = await relayPack({ source, target, sourceRefs, targetRefs, updates, pack, haves, signal })
      onProgress?.({ phase: 'streaming', bytes: result.packBytes, objects: result.objects, totalObjects: result.objects })
      return { sent: true as const, ...result }
    } catch (error) {
      if (SaddleError.is(error) && error.code === 'PACK_TOO_LARGE') return { sent: false as const, bytes: pack?.length ?? 0 }
      throw error
    }
  }

  async #folder({ workDirectory = this.#options.workDirectory }: GitTransfer): Promise<WorkFolder> {
    const { fs } = this.#options
    if (!fs) return makeWorkFolder(workDirectory)
    const path = `${this.#options.workDirectory ?? ''}/saddle-git-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`
    await (fs.promises as unknown as typeof nodeFs.promises).mkdir(path)
    return { path, remove: () => removeFolder(fs, path) }
  }

  #tooLarge(): SaddleError {
    return new SaddleError(
      'PACK_TOO_LARGE',
      `The repository is over the ${Math.floor(this.#limit / mebibyte)} MiB that the isomorphic git backend holds in memory; nothing was moved. Use the relay, or install git for the native backend.`,
      { context: { limitBytes: this.#limit, option: 'options.git' } },
    )
  }
}

/** Removes a folder with what isomorphic-git needs of a file system, and no more. */
async function removeFolder(fs: PromiseFsClient, path: string): Promise<void> {
  const promises = fs.promises as unknown as typeof nodeFs.promises
  for (const name of await promises.readdir(path)) {
    const inner = `${path}/${name}`
    if ((await promises.lstat(inner)).isDirectory()) await removeFolder(fs, inner)
    else await promises.unlink(inner)
  }
  await promises.rmdir(path)
}
