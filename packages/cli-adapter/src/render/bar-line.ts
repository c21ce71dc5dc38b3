import type { MigrationSnapshot } from '@saddle/core'
import stringWidth from 'string-width'
import { phaseLabels, stepLabels, transferFacts } from './event-text.ts'
import type { Style } from './style.ts'

const longestName = 48
const longestBar = 24

/** What one line of progress is about. */
export interface BarRow {
  /** Safe to show. */
  name: string
  snapshot: MigrationSnapshot
  /** For example `3/6`. */
  step: string
}

/**
 * One migration in one line that fits the terminal: name, bar, percentage, then as many facts as there is room for, the
 * dearest first. Never as wide as the terminal, where some begin a new line.
 */
export function barLine({ name, snapshot, step }: BarRow, width: number, colour: Style['colour']): string {
  const room = Math.max(20, width - 1)
  const shownName = cut(name, Math.min(longestName, Math.floor(room * 0.4)))
  const percentage = `${String(snapshot.percentage).padStart(3)}%`
  const nameWidth = stringWidth(shownName)
  const size = Math.max(4, Math.min(longestBar, Math.floor((room - nameWidth) / 3)))
  const full = Math.round((size * snapshot.percentage) / 100)
  let used = nameWidth + 2 + size + 1 + percentage.length
  let facts = ''
  for (const fact of factsOf(snapshot, step)) {
    const part = facts ? ` · ${fact}` : `  ${fact}`
    if (used + stringWidth(part) > room) break
    used += stringWidth(part)
    facts += part
  }
  return `${shownName}  ${colour.cyan('█'.repeat(full))}${colour.dim('░'.repeat(size - full))} ${percentage}${facts}`
}

function factsOf(snapshot: MigrationSnapshot, step: string): string[] {
  const label = snapshot.phase ? phaseLabels[snapshot.phase] : snapshot.step ? stepLabels[snapshot.step] : 'starting'
  const facts = snapshot.phase || snapshot.bytes ? transferFacts(snapshot) : []
  return [step ? `${label} (${step})` : label, ...facts]
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
