/**
 * The git program on disk, for what cannot be streamed at once.
 *
 * @module @saddle/core/git/native
 */
import { assertSameFormat, relayPack } from '@saddle/git-relay'
import { SaddleError } from '@saddle/transport'
import type { GitBackend, GitTransfer, TransferOptions, TransferResult } from './backend.ts'
import { findLargeFiles } from './native/large-files.ts'
import { NativeRepository } from './native/repository.ts'
import { pushInParts, type PartsOptions } from './parts.ts'
import { phases } from './phases.ts'

/** Options of {@link NativeBackend}. */
export interface NativeBackendOptions {
  /** Where bare repositories are kept while they are needed; the system's temporary folder by default. */
  workDirectory?: string
  /** Files over this many bytes are found before the push and refused; GitHub's limit of 100 MiB by default. */
  fileLimitBytes?: number
}

const githubFileLimit = 100 * 1024 * 1024

/**
 * Moves a repository by way of a bare one on disk: what takes over where packs cannot be streamed from server to server.
 * The git program (2.31 or newer) fetches into it and makes the packs; they are pushed as the relay pushes. A pack over the
 * target's limit goes in steps along the history.
 */
export class NativeBackend implements GitBackend {
  readonly name = 'native'
  readonly #options: NativeBackendOptions

  constructor(options: NativeBackendOptions = {}) {
    this.#options = options
  }

  async transfer(request: GitTransfer, options: TransferOptions): Promise<TransferResult> {
    const changes = request.updates.filter((update) => update.kind !== 'unchanged')
    if (changes.some(({ kind }) => kind !== 'delete')) assertSameFormat(request.sourceRefs, request.targetRefs)
    const workDirectory = request.workDirectory ?? this.#options.workDirectory
    const repository = await NativeRepository.open({ ...request, ...(workDirectory === undefined ? {} : { workDirectory }) })
    try {
      const wanted = changes.flatMap((update) => (update.kind === 'delete' ? [] : [update]))
      if (wanted.length > 0) {
        await repository.fetch(wanted, options)
        await this.#refuseLargeFiles(repository, options)
      }
      const present = await repository.present([...request.targetRefs.refs.values()].map(({ oid }) => oid))
      const push = new NativePush(repository, request, present, options)
      const { steps: _, ...result } = await pushInParts({
        request,
        ...options,
        graph: () => repository.graph(wanted.map(({ newOid }) => newOid), present, options),
        send: push.send,
      })
      return result
    } finally {
      await repository.remove()
    }
  }

  async #refuseLargeFiles(repository: NativeRepository, { signal }: TransferOptions): Promise<void> {
    const limitBytes = this.#options.fileLimitBytes ?? githubFileLimit
    const files = await findLargeFiles(repository, limitBytes, signal)
    if (files.length === 0) return
    const shown = files.slice(0, 10).map(({ path, size, commit }) => `${JSON.stringify(path)} (${Math.ceil(size / 1024 / 1024)} MiB${commit ? `, first in ${commit.slice(0, 12)}` : ''})`)
    const more = files.length > shown.length ? ` and ${files.length - shown.length} more` : ''
    throw new SaddleError(
      'LARGE_FILE',
      `The history holds files over the target's limit of ${Math.floor(limitBytes / 1024 / 1024)} MiB: ${shown.join(', ')}${more}. ` +
        'Nothing was pushed. Move them to Git LFS at the source with "git lfs migrate import --everything --above=100MiB" ' +
        '(this rewrites the history, so hashes change) or remove them from the history, then migrate again.',
      { context: { limitBytes } },
    )
  }
}

/** The pushes of one transfer: packs that git makes, sent as the relay sends what comes from a source. */
class NativePush {
  readonly #repository: NativeRepository
  readonly #request: GitTransfer
  readonly #present: readonly string[]
  readonly #options: TransferOptions
  #bytes = 0
  #objects = 0

  constructor(repository: NativeRepository, request: GitTransfer, present: readonly string[], options: TransferOptions) {
    this.#repository = repository
    this.#request = request
    this.#present = present
    this.#options = options
  }

  readonly send: PartsOptions['send'] = async (updates, held) => {
    const { source, target, sourceRefs, targetRefs, limits: { packBytes: packLimit = Infinity } = {} } = this.#request
    const { signal, onProgress } = this.#options
    const tips = updates.flatMap((update) => (update.kind === 'delete' ? [] : [update.newOid]))
    const there = [...this.#present, ...held]
    const bytes = await this.#repository.measure(tips, there, this.#options)
    if (bytes > packLimit) return { sent: false, bytes }
    let written = 0
    const pack = tips.length > 0 ? await this.#repository.pack(tips, there, { ...this.#options, onObjects: (count) => (written = count) }) : undefined
    try {
      const sent = await relayPack({
        source, target, sourceRefs, targetRefs, updates, pack: pack?.pieces, packLimit, signal,
        onProgress: ({ phase, bytes, totalObjects }) => {
          const total = totalObjects === undefined ? {} : { totalObjects: this.#objects + totalObjects }
          onProgress?.({ phase: phases[phase], bytes: this.#bytes + bytes, objects: this.#objects + written, ...total })
        },
      })
      this.#bytes += sent.packBytes
      this.#objects += sent.objects
      return { sent: true, ...sent }
    } catch (error) {
      // The target's limit is lower than is known.
      if (SaddleError.is(error) && error.code === 'PACK_TOO_LARGE') return { sent: false, bytes }
      throw error
    } finally {
      await pack?.close()
    }
  }
}
