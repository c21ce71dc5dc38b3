/**
 * The git program on disk, for what cannot be streamed at once.
 *
 * @module @saddle/core/git/native
 */
import { assertSameFormat } from '@saddle/git-relay'
import { SaddleError } from '@saddle/transport'
import type { GitBackend, GitTransfer, TransferProgress, TransferResult } from './backend.ts'
import { findLargeFiles } from './native/large-files.ts'
import { pushRefs } from './native/push.ts'
import { NativeRepository } from './native/repository.ts'
import { pushInParts } from './parts.ts'

/** Options of {@link NativeBackend}. */
export interface NativeBackendOptions {
  /** Where bare repositories are kept while they are needed; the system's temporary folder by default. */
  workDirectory?: string
  /** Files over this many bytes are found before the push and refused; GitHub's limit of 100 MiB by default. */
  fileLimitBytes?: number
}

const githubFileLimit = 100 * 1024 * 1024

type Options = { signal?: AbortSignal; onProgress?: (progress: TransferProgress) => void }

/**
 * Moves a repository by way of a bare one on disk, with the git program (2.31 or newer): what takes over where packs
 * cannot be streamed. A pack over the target's limit goes in steps along the history.
 */
export class NativeBackend implements GitBackend {
  readonly name = 'native'
  readonly #options: NativeBackendOptions

  constructor(options: NativeBackendOptions = {}) {
    this.#options = options
  }

  async transfer(request: GitTransfer, options: Options): Promise<TransferResult> {
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
      const limit = request.limits?.packBytes ?? Infinity
      const present = await repository.present([...request.targetRefs.refs.values()].map(({ oid }) => oid))
      const { steps: _, ...result } = await pushInParts({
        request,
        ...options,
        graph: () => repository.graph(wanted.map(({ newOid }) => newOid), present, options),
        send: async (updates, held) => {
          const tips = updates.flatMap((update) => (update.kind === 'delete' ? [] : [update.newOid]))
          const bytes = await repository.measure(tips, [...present, ...held], options)
          if (bytes > limit) return { sent: false, bytes }
          try {
            const { bytes: packBytes, ...report } = await pushRefs({ repository, target: request.target, updates, ...options })
            return { sent: true, packBytes, ...report }
          } catch (error) {
            // The target's limit is lower than is known.
            if (SaddleError.is(error) && error.code === 'PACK_TOO_LARGE') return { sent: false, bytes }
            throw error
          }
        },
      })
      return result
    } finally {
      await repository.remove()
    }
  }

  async #refuseLargeFiles(repository: NativeRepository, { signal }: Options): Promise<void> {
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
