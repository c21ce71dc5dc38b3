/** How Git LFS is served. */
export interface LfsOptions {
  /** Default true. */
  readonly enabled?: boolean
  /** Life of the links that a batch answer gives, in seconds. Default 3600. */
  readonly linkTtlSeconds?: number
  /** Whether the links lead to another port than the server's. Default false at Bitbucket, true at GitHub. */
  readonly separateStorage?: boolean
}

/** The options, where `false` and `true` stand for switched off and on. */
export function lfsOptions(given: boolean | LfsOptions | undefined): LfsOptions {
  return typeof given === 'object' ? given : { enabled: given ?? true }
}
