import pc from 'picocolors'
import type { Output, Variables } from '../io.ts'
import { isInteractive, wantsColour } from '../terminal.ts'

/** How to write to one stream. */
export interface Style {
  colour: ReturnType<typeof pc.createColors>
  /** Whether a person looks at it, so that lines can be redrawn and tables drawn with borders. */
  interactive: boolean
  /** Characters in a line; unlimited where nobody looks. */
  width: number
}

/** The style of a stream: colours as the environment wishes, borders and redrawing on a terminal only. */
export function styleOf(stream: Output, env: Variables): Style {
  return {
    colour: pc.createColors(wantsColour(env, stream)),
    interactive: isInteractive(env, stream),
    width: stream.isTTY ? (stream.columns || 80) : Infinity,
  }
}

/** The sign before a line of a list of results. */
export function sign(outcome: 'good' | 'bad' | 'warning', { colour }: Style): string {
  return { good: colour.green('✓'), bad: colour.red('✗'), warning: colour.yellow('!') }[outcome]
}
