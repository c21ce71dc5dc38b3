import { isFinal } from '@saddle/core'
import { escape } from '../escape.ts'
import type { Output } from '../io.ts'
import { totalFacts } from './bulk.ts'
import { eventText } from './event-text.ts'
import type { ProgressView } from './progress.ts'
import type { Style } from './style.ts'

/** Milliseconds between two lines about the same transfer: a log should tell the story, not the seconds. */
const transferInterval = 5000
/** Milliseconds between two lines about the whole. */
const totalInterval = 10_000

/** A line for what happens, each with the repository it is about. */
export function lineView(output: Output, style: Style): ProgressView {
  const labels = new Map<string, string>()
  const lastTransfer = new Map<string, number>()
  let lastTotal = Date.now()
  return {
    show(event) {
      const { migrationId } = event
      const at = Date.parse(event.at)
      if (event.type === 'migration-start') {
        labels.set(migrationId, escape(event.source))
        lastTransfer.set(migrationId, at)
      }
      if (event.type === 'transfer') {
        if (at - (lastTransfer.get(migrationId) ?? at) < transferInterval) return
        lastTransfer.set(migrationId, at)
      }
      const text = eventText(event, style)
      if (text !== undefined) output.write(`${labels.get(migrationId) ?? migrationId}: ${text}\n`)
    },
    total(bulk) {
      const now = Date.now()
      if (isFinal(bulk.status) || now - lastTotal < totalInterval) return
      lastTotal = now
      output.write(`total: ${totalFacts(bulk).join(', ')}\n`)
    },
    note: (text) => void output.write(`${text}\n`),
    stop: () => undefined,
  }
}
