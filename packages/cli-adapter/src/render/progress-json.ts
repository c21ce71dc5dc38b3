import { escapedJson } from '../escape.ts'
import type { Output } from '../io.ts'
import type { ProgressView } from './progress.ts'

/** One event a line, as it was emitted. */
export function jsonView(output: Output): ProgressView {
  return {
    show: (event) => void output.write(`${escapedJson(event)}\n`),
    note: () => undefined,
    stop: () => undefined,
  }
}
