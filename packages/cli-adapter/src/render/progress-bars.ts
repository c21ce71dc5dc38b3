import { emptySnapshot, reduce, type MigrationSnapshot, type ProgressEvent } from '@saddle/core'
import { MultiBar, type SingleBar } from 'cli-progress'
import { escape } from '../escape.ts'
import type { Output } from '../io.ts'
import { barLine } from './bar-line.ts'
import { endText, eventText, transferFacts } from './event-text.ts'
import type { ProgressView } from './progress.ts'
import { sign, type Style } from './style.ts'

interface Row {
  bar: SingleBar
  name: string
  snapshot: MigrationSnapshot
  /** The steps of the run, as the events count them. */
  step: string
}

/**
 * A bar for each running migration at the bottom of the terminal; what should be remembered scrolls by above them: how
 * each one ended, warnings, losses.
 */
export function barView(output: Output, style: Style): ProgressView {
  const rows = new Map<string, Row>()
  const bars = new MultiBar({
    stream: output as NodeJS.WritableStream,
    format: (_options, { maxWidth }, row: Row) => barLine(row, maxWidth, style.colour),
    // Lines logged above move the bars, so each frame is drawn anew.
    forceRedraw: true,
    hideCursor: true,
    clearOnComplete: true,
    // `barLine` fits the width; switching the terminal's own wrapping off could outlive a killed process.
    linewrap: null,
    gracefulExit: false,
  })
  // The rest of the line may still hold a bar.
  const log = (text: string) => bars.log(`${text}\u001b[K\n`)

  return {
    show(event) {
      const row = rows.get(event.migrationId) ?? begin(event)
      row.snapshot = reduce(row.snapshot, event)
      if (event.type === 'step-start') row.step = `${event.index}/${event.total}`
      if (event.type === 'migration-end') {
        log(ended(row, event))
        rows.delete(event.migrationId)
        bars.remove(row.bar)
      } else if (event.type === 'loss' || (event.type === 'message' && event.level === 'warning')) {
        log(`  ${row.name}: ${eventText(event, style) ?? ''}`)
      }
    },
    stop() {
      if (!bars.isActive) return
      bars.update()
      bars.stop()
    },
  }

  function begin(event: ProgressEvent): Row {
    const name = event.type === 'migration-start' ? `${escape(event.source)} → ${escape(event.target)}` : event.migrationId
    const row = { name, snapshot: emptySnapshot(), step: '' } as Row
    // The bar keeps a reference to its payload, so that changing the row is enough.
    row.bar = bars.create(100, 0, row)
    rows.set(event.migrationId, row)
    return row
  }

  function ended({ name, snapshot }: Row, event: ProgressEvent & { type: 'migration-end' }): string {
    const mark = sign(({ completed: 'good', failed: 'bad', cancelled: 'warning' } as const)[event.status], style)
    const facts = transferFacts({ bytes: snapshot.bytes, objects: snapshot.objects }).join(' · ')
    return `${mark} ${name}  ${endText(event)}${event.status === 'completed' ? style.colour.dim(` · ${facts}`) : ''}`
  }
}
