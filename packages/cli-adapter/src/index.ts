/**
 * The `saddle` command as a function: arguments and streams in, exit status out.
 *
 * @module @saddle/cli-adapter
 */
export { exitStatus, type ExitStatus } from './exit-status.ts'
export type { Io, Output, Variables } from './io.ts'
export { main } from './main.ts'
