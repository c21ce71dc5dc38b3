/** What a relay is doing, in the order in which it happens. */
export type RelayPhase = 'counting' | 'compressing' | 'transferring' | 'resolving'

/** A sign of life of a relay. JSON-safe; texts are sanitised and redacted. */
export interface RelayProgress {
  /** `counting` and `compressing` happen at the source, `resolving` at the target. */
  phase: RelayPhase
  /** Bytes of the pack that have gone to the target so far. */
  bytes: number
  /** Objects dealt with in this phase. Packs are not decoded: while transferring it is 0, and the total at the end. */
  objects: number
  /** Objects that the phase will deal with, once known. */
  totalObjects?: number
  /** A line that one of the servers wrote for people. */
  message?: string
}

/** Takes reports of progress. What it throws is not caught: guard it where that matters. */
export type OnProgress = (progress: RelayProgress) => void
