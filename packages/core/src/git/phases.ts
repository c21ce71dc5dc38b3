import type { RelayPhase } from '@saddle/git-relay'
import type { TransferProgress } from './backend.ts'

/** What a phase of the relay is to whoever watches a transfer. */
export const phases: Record<RelayPhase, TransferProgress['phase']> = {
  counting: 'counting',
  compressing: 'counting',
  transferring: 'streaming',
  resolving: 'indexing',
}
