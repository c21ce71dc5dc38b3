/** Where text goes: what of a Node stream the command needs. */
export interface Output {
  /** Takes some text; not only whole lines. */
  write(text: string): unknown
  /** Whether a person looks at it directly. */
  readonly isTTY?: boolean | undefined
  /** Width in characters, on a terminal. */
  readonly columns?: number | undefined
  /** Height in lines, on a terminal. */
  readonly rows?: number | undefined
}

/** The variables of the process. `environment.ts` reads servers and credentials, `terminal.ts` colours; git gets the search path. */
export type Variables = Readonly<Record<string, string | undefined>>

/** What the command knows of the world; a process in `bin.ts`, something else in tests and in programs that embed it. */
export interface Io {
  /** Results and progress. */
  readonly stdout: Output
  /** Errors and warnings. */
  readonly stderr: Output
  readonly env: Variables
  /** Fires at the first Ctrl-C: what runs is then cancelled cleanly. */
  readonly signal?: AbortSignal
}
