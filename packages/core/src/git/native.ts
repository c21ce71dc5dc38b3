/**
 * The git program on disk, for what cannot be streamed at once.
 *
 * @module @saddle/core/git/native
 */
import type { RefUpdate } from '@saddle/git-relay'
import { SaddleError } from '@saddle/transport'
import type { GitBackend, GitTransfer, RefOutcome, TransferProgress, TransferResult } from './backend.ts'
import { findLargeFiles } from './native/large-files.ts'
import { pushRefs } from './native/push.ts'
import { NativeRepository } from './native/repository.ts'
import { sendInSteps, stepNamespace, type StepOutcome } from './steps.ts'

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
    const changes = request.updates.filter(({ kind }) => kind !== 'unchanged')
    const result: TransferResult = { packBytes: 0, objects: 0, outcomes: [], messages: [] }
    const workDirectory = request.workDirectory ?? this.#options.workDirectory
    const repository = await NativeRepository.open({ ...request, ...(workDirectory === undefined ? {} : { workDirectory }) })
    try {
      const wanted = changes.flatMap((update) => (update.kind === 'delete' ? [] : [update]))
      if (wanted.length > 0) {
        await repository.fetch(wanted, options)
        await this.#refuseLargeFiles(repository, options)
      }
      const outcomes = await this.#push(repository, request, changes, result, options)
      result.outcomes = request.updates.map((update) => outcomes.get(update.ref) ?? { ref: update.ref, status: 'ok' })
      return result
    } finally {
      await repository.remove()
    }
  }

  async #push(
    repository: NativeRepository,
    request: GitTransfer,
    changes: readonly RefUpdate[],
    result: TransferResult,
    options: Options,
  ): Promise<Map<string, RefOutcome>> {
    const { target, targetRefs, limits } = request
    const packBytes = limits?.packBytes ?? Infinity
    const heads = changes.flatMap((update) => (update.kind === 'delete' ? [] : [update.newOid]))
    const held = await repository.present([...targetRefs.refs.values()].map(({ oid }) => oid))
    const outcomes = new Map<string, RefOutcome>()
    const moved = new Map<string, string>()

    const push = async (updates: readonly RefUpdate[]) => {
      const report = await pushRefs({ repository, target, updates, ...options })
      for (const outcome of report.outcomes) outcomes.set(outcome.ref, outcome)
      result.messages.push(...report.messages)
      return report
    }
    const send = async (tips: readonly string[], updates: readonly RefUpdate[]): Promise<StepOutcome> => {
      if ((await repository.measure(tips, [...held, ...moved.values()], options)) > packBytes) return { sent: false }
      const { bytes, objects } = await push(updates)
      result.packBytes += bytes
      result.objects += objects
      return { sent: true, bytes }
    }
    /** The changes as they are to be said now, after branches have moved in steps. */
    const rest = (): RefUpdate[] =>
      changes.map((update) => {
        const oldOid = moved.get(update.ref)
        return oldOid === undefined || update.kind === 'delete' ? update : { ref: update.ref, kind: 'update', oldOid, newOid: update.newOid }
      })

    if (!(await send(heads, rest())).sent) {
      const steps = await sendInSteps({
        graph: await repository.graph(heads, held, options),
        updates: changes,
        defaultBranch: request.sourceRefs.head,
        packBytes,
        sendAll: () => send(heads, rest()),
        send: async ({ ref, oldOid, newOid }) => {
          // A step of an interrupted run can have left a branch of this name.
          const was = oldOid ?? (ref.startsWith(stepNamespace) ? targetRefs.refs.get(ref)?.oid : undefined)
          const outcome = await send([newOid], [was === undefined ? { ref, kind: 'create', newOid } : { ref, kind: 'update', oldOid: was, newOid }])
          const refused = outcomes.get(ref)
          if (refused?.status === 'rejected') throw stepRefused(refused)
          if (outcome.sent) moved.set(ref, newOid)
          return outcome
        },
        onStep: ({ number, ref, commitsLeft }) =>
          options.onProgress?.({ phase: 'streaming', bytes: result.packBytes, objects: result.objects, message: `Step ${number}: ${ref} moved, ${commitsLeft} commits left` }),
      })
      const left = new Map([...steps].flatMap((ref) => (moved.has(ref) ? [[ref, moved.get(ref)!] as const] : [])))
      for (const [ref, { oid }] of targetRefs.refs) if (ref.startsWith(stepNamespace) && !left.has(ref)) left.set(ref, oid)
      if (left.size > 0) await push([...left].map(([ref, oldOid]) => ({ ref, kind: 'delete', oldOid })))
    }
    return outcomes
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

function stepRefused({ ref, code, reason }: RefOutcome): SaddleError {
  return new SaddleError(
    'REF_REJECTED',
    `The target refused to move ${JSON.stringify(ref)} on its way (${code ?? 'REF_REJECTED'}): ${reason ?? 'no reason given'}`,
    { context: { refs: [ref] } },
  )
}

