import type { BitbucketClient } from '@saddle/bitbucket-client'
import type { GitHubClient } from '@saddle/github-client'
import type { RetryOptions } from '@saddle/transport'
import type { GitBackend } from './git/backend.ts'
import type { MigrationStore } from './store/store.ts'

/** Options of `MigrationEngine`. */
export interface MigrationEngineOptions {
  bitbucket: BitbucketClient
  github: GitHubClient
  /** What moves git objects; `auto`, the default, chooses. */
  git?: GitBackend | 'auto' | undefined
  /** Where migrations are remembered; by default in memory, for as long as the engine lives. The engine does not close it. */
  store?: MigrationStore | undefined
  /** How long a run that died keeps others from its target, in milliseconds; it is renewed three times in that time. */
  leaseMs?: number | undefined
  /** The largest pack for one push, in bytes; by default 1.8 GiB, which is what GitHub takes with room to spare. */
  packBytes?: number | undefined
  /** Patience between tries of a transfer that broke off, and of a creation. The clients have their own for requests. */
  retry?: RetryOptions | undefined
}

/** What applies where an option is left out. */
export const engineDefaults = {
  leaseMs: 15_000,
  packBytes: Math.floor(1.8 * 1024 ** 3),
} as const satisfies Partial<MigrationEngineOptions>
