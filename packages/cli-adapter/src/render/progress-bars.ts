import { emptySnapshot, reduce, type BulkRecord, type ProgressEvent } from '@saddle/core'
import { MultiBar, type SingleBar } from 'cli-progress'
import { escape } from '../escape.ts'
import type { Output } from '../io.ts'
import { barLine, factsLine, oneLineWidth, type BarRow } from './bar-line.ts'
import { totalLine } from './bulk.ts'
import { endText, eventText } from './event-text.ts'
import { fold } from './fold.ts'
import type { ProgressView } from './progress.ts'
import { statusSign } from './report.ts'
import type { Style } from './style.ts'

/** A running migration, and its lines on the screen; none while there is no room. */
interface Row extends BarRow {
  lines: SingleBar[]
}

/** Lines that stay free for what scrolls by above the bars. */
const freeLines = 4

/**
 * A bar for each running migration at the bottom of the terminal; what should be remembered scrolls by above them: how
 * each one ended, warnings, losses. Migrations for which there is no room wait for the end of another one.
 */
export function barView(output: Output, style: Style): ProgressView {
  const rows = new Map<string, Row>()
  const whole: { bulk?: BulkRecord; line?: SingleBar } = {}
  const bars = new MultiBar({
    stream: output as NodeJS.WritableStream,
    // Lines logged above move the bars, so each frame is drawn anew.
    forceRedraw: true,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  })
  // Bars are drawn with the terminal's wrapping off; text needs it. The rest of its last line may still hold a bar.
  const log = (text: string) => bars.log(`\u001b[?7h${text.replaceAll('\n', '\u001b[K\n')}\u001b[K\u001b[?7l\n`)

  return {
    show(event) {
      const row = rows.get(event.migrationId) ?? begin(event)
      row.snapshot = reduce(row.snapshot, event)
      if (event.type === 'migration-end') {
        say(`${statusSign(event.status, style)} ${row.name}  ${endText(event)}`)
        rows.delete(event.migrationId)
        for (const line of row.lines) bars.remove(line)
        for (const waiting of rows.values()) draw(waiting)
      } else if (event.type === 'loss' || (event.type === 'message' && event.level === 'warning')) {
        say(`  ${row.name}: ${eventText(event, style) ?? ''}`)
      }
    },
    total(bulk) {
      whole.bulk = bulk
      // Above the bars of the migrations, since the first line is the only one that never moves.
      whole.line ??= bars.create(100, 0, whole, {
        format: (_options, { maxWidth }) => (whole.bulk ? totalLine(whole.bulk, maxWidth ?? 80, style.colour) : ''),
      })
    },
    note: say,
    stop() {
      if (!bars.isActive) return
      bars.update()
      bars.stop()
    },
  }

  function say(text: string): void {
    const folded = fold(text, style)
    if (bars.isActive) log(folded)
    else output.write(`${folded}\n`)
  }

  function begin(event: ProgressEvent): Row {
    const name = event.type === 'migration-start' ? `${escape(event.source)} → ${escape(event.target)}` : escape(event.migrationId)
    const row: Row = { name, snapshot: emptySnapshot(), lines: [] }
    rows.set(event.migrationId, row)
    draw(row)
    return row
  }

  /** Gives a migration its lines, if it has none yet and there is room. */
  function draw(row: Row): void {
    const formats = (output.columns ?? 80) < oneLineWidth ? [barLine, factsLine] : [barLine]
    const drawn = [...rows.values()].reduce((sum, { lines }) => sum + lines.length, whole.line ? 1 : 0)
    if (row.lines.length > 0 || (drawn > 0 && drawn + formats.length > (output.rows ?? 24) - freeLines)) return
    // The bars keep a reference to their payload, so that changing the row is enough.
    row.lines = formats.map((format) =>
      bars.create(100, 0, row, { format: (_options, { maxWidth }) => format(row, maxWidth, style.colour) }),
    )
  }
}
