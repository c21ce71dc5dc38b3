import type { Variables } from './io.ts'

/** Whether to colour what goes to a stream: `NO_COLOR` and `FORCE_COLOR` decide, then whether it is a terminal. */
export function wantsColour(env: Variables, stream: { isTTY?: boolean | undefined }): boolean {
  if (env['NO_COLOR']) return false
  const force = env['FORCE_COLOR']
  if (force !== undefined) return force !== '0' && force !== 'false'
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}

/** Whether lines can be redrawn: a terminal with a person before it, not the log of a build. */
export function isInteractive(env: Variables, stream: { isTTY?: boolean | undefined }): boolean {
  const ci = env['CI']
  return stream.isTTY === true && env['TERM'] !== 'dumb' && (!ci || ci === 'false' || ci === '0')
}
