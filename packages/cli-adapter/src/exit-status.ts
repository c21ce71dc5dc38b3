/** What the process exits with. */
export const exitStatus = {
  /** Everything that was asked for is done. */
  done: 0,
  failed: 1,
  /** The command line or the environment is not right; nothing was begun. */
  usage: 2,
  /** Some refs arrived and some were rejected. */
  partly: 3,
  interrupted: 130,
} as const

/** One of {@link exitStatus}. */
export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus]
