/**
 * The pack relay: git objects stream from server to server.
 *
 * @module @saddle/core/git/relay
 */
import { relayPack, type RelayPhase } from '@saddle/git-relay'
import type { GitBackend, GitTransfer, TransferProgress, TransferResult } from './backend.ts'

const phases: Record<RelayPhase, TransferProgress['phase']> = {
  counting: 'counting',
  compressing: 'counting',
  transferring: 'streaming',
  resolving: 'indexing',
}

/** Streams one pack from the source into the target: no clone, no disk, memory that does not grow with the repository. */
export class RelayBackend implements GitBackend {
  readonly name = 'relay'

  async transfer(
    { source, target, sourceRefs, targetRefs, updates, limits }: GitTransfer,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (progress: TransferProgress) => void } = {},
  ): Promise<TransferResult> {
    const { outcomes, ...result } = await relayPack({
      source,
      target,
      sourceRefs,
      targetRefs,
      updates,
      signal,
      packLimit: limits?.packBytes,
      onProgress: (progress) => onProgress?.({ ...progress, phase: phases[progress.phase] }),
    })
    const moved = new Map(outcomes.map((outcome) => [outcome.ref, outcome]))
    return { ...result, outcomes: updates.map(({ ref }) => moved.get(ref) ?? { ref, status: 'ok' }) }
  }
}
