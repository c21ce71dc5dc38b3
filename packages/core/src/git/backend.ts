import type { GitRemote } from '@saddle/transport'
import type { RefListing, RefUpdate } from '@saddle/git-relay'

/** What to move. Listing, planning and the decision on diverged refs happened before, in the same way for every backend. */
export interface GitTransfer {
  source: GitRemote
  target: GitRemote
  sourceRefs: RefListing
  targetRefs: RefListing
  /** What is to become of the target's refs. */
  updates: readonly RefUpdate[]
  limits?: {
    /** The largest pack that the target takes in one push. */
    packBytes?: number
  }
  /** About how large the source's repository is, where that is known. */
  sourceBytes?: number | undefined
  /** Where a backend that needs disk may make a directory; it removes it. Without one, the system's temporary folder. */
  workDirectory?: string
}

/** Options of a transfer. */
export interface TransferOptions {
  signal?: AbortSignal
  /** Called as often as the backend likes. */
  onProgress?: (progress: TransferProgress) => void
}

/** How far a transfer is; reported as often as the backend likes. */
export interface TransferProgress {
  phase: 'counting' | 'streaming' | 'indexing' | 'lfs'
  bytes: number
  objects: number
  totalObjects?: number
  /** How much is done, 0 to 1, where that is known better than objects or bytes can tell. */
  share?: number
  /** A line of the server's progress. */
  message?: string
  /** A line of the backend's own, for the user: how it goes on. */
  notice?: string
}

/** What became of one ref. */
export interface RefOutcome {
  ref: string
  status: 'ok' | 'rejected'
  /** For a rejection: an error code such as `REF_PROTECTED`. */
  code?: string
  /** For a rejection: what the server said and what to do. */
  reason?: string
}

/** What a transfer did. */
export interface TransferResult {
  /** Bytes of pack sent to the target. */
  packBytes: number
  /** Objects in those packs. */
  objects: number
  /** One for each update, in their order. */
  outcomes: RefOutcome[]
  /** What the servers said, without control characters. */
  messages: string[]
  /** Which backend did it, and why that one; where it is not simply the one that was asked. */
  backend?: { name: string; reason: string }
}

/**
 * Moves git objects and refs from one server to the other. Implementations run `gitBackendSuite` of
 * `@saddle/core/testing`.
 *
 * A backend changes exactly the refs in `updates`, each only if it still has the expected old value; it reports a refused
 * ref as an outcome, not as an error. It throws when nothing can be said about the refs: a connection that broke
 * (`NETWORK`, `TIMEOUT`), a damaged pack (`PACK_CORRUPT`), a pack over the limit (`PACK_TOO_LARGE`). After an abort
 * (`ABORTED`) it stops within a second; no ref points to an incomplete history, ever.
 */
export interface GitBackend {
  /** `relay`, `native`, `isomorphic`, or a name of your own. */
  readonly name: string
  /** Moves what the target lacks, then the refs; see {@link GitBackend} for what it may throw. */
  transfer(request: GitTransfer, options: TransferOptions): Promise<TransferResult>
}
