import type { MigrationSnapshot } from '@saddle/core'
import stringWidth from 'string-width'
import { phaseLabels, stepLabels, transferFacts } from './event-text.ts'
import type { Style } from './style.ts'

const longestBar = 24
const longestName = 48

/** Narrower than this, the facts of a migration have a line of their own. */
export const oneLineWidth = 110

/** What lines of progress are about. */
export interface BarRow {
  /** Safe to show. */
  name: string
  snapshot: MigrationSnapshot
}

/** Name, bar, percentage and step of one migration; on a wide terminal the facts as well. Narrower than the terminal. */
export function barLine({ name, snapshot }: BarRow, width: number, colour: Style['colour']): string {
  // One character less: where a line is as wide as the terminal, some begin another one.
  const room = width - 1
  const label = snapshot.phase ? phaseLabels[snapshot.phase] : snapshot.step ? stepLabels[snapshot.step] : 'starting'
  const facts = width >= oneLineWidth ? [label, ...factsOf(snapshot)] : [label]
  const shownName = cut(name, Math.min(longestName, Math.floor(room * 0.4)))
  const size = Math.max(4, Math.min(longestBar, Math.floor((room - stringWidth(shownName)) / 5)))
  const full = Math.round((size * snapshot.percentage) / 100)
  const left = room - stringWidth(shownName) - size - 9
  return `${shownName}  ${colour.cyan('█'.repeat(full))}${colour.dim('░'.repeat(size - full))} ${String(snapshot.percentage).padStart(3)}%  ${joined(facts, left)}`
}

/** Bytes, objects, rate and time left of one migration; empty while nothing is transferred. Narrower than the terminal. */
export function factsLine({ snapshot }: BarRow, width: number, colour: Style['colour']): string {
  return colour.dim(`  ${joined(factsOf(snapshot), width - 3)}`)
}

const factsOf = (snapshot: MigrationSnapshot): string[] => (snapshot.phase || snapshot.bytes ? transferFacts(snapshot) : [])

/** As many parts as there is room for. */
function joined(parts: readonly string[], room: number): string {
  let text = ''
  for (const part of parts) {
    const longer = text ? `${text} · ${part}` : part
    if (stringWidth(longer) > room) break
    text = longer
  }
  return text
}

/** The beginning of a text that is at most so wide; `…` where something was left out. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let shown = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(shown + segment) > width - 1) break
    shown += segment
  }
  return `${shown}…`
}
