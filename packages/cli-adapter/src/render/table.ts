import Table from 'cli-table3'
import stringWidth from 'string-width'
import type { Style } from './style.ts'

/** A column of a table of `Row`s. */
export interface Column<Row> {
  title: string
  /** The text of a cell; already safe to show, may carry colours. */
  cell: (row: Row) => string
  align?: 'left' | 'right'
  /** Where the terminal is narrow, columns of a lower rank are left out first; without a rank a column always stays. */
  rank?: number
}

/** A table: with borders on a terminal, with plain columns in a pipe. Ends with a line break. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], style: Style): string {
  const { shown, widths } = fitted(rows, columns, style)
  const grid = new Table({
    head: shown.map(({ title }) => style.colour.bold(title)),
    colAligns: shown.map(({ align }) => align ?? 'left'),
    colWidths: widths,
    style: { head: [], border: [], compact: true, ...(style.interactive ? {} : { 'padding-left': 0, 'padding-right': 0 }) },
    ...(style.interactive ? {} : { chars: noBorders }),
  })
  for (const row of rows) grid.push(shown.map(({ cell }) => cell(row)))
  const text = grid.toString().split('\n').map((line) => line.trimEnd()).join('\n')
  const left = columns.filter((column) => !shown.includes(column)).map(({ title }) => title)
  return `${text}\n${left.length ? style.colour.dim(`Not shown for want of width: ${left.join(', ')}.\n`) : ''}`
}

const noBorders = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ',
}

const narrowest = 10

/** As many columns as fit, in their order, those of the highest rank kept; the widest is cut when that is not enough. */
function fitted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], { width, interactive }: Style) {
  const padding = interactive ? 2 : 0
  const measured = columns.map((column) => ({
    column,
    size: Math.max(stringWidth(column.title), ...rows.map((row) => stringWidth(column.cell(row)))) + padding,
  }))
  const between = interactive ? 1 : 2
  const excess = () => measured.reduce((sum, { size }) => sum + size + between, interactive ? 1 : -2) - width
  while (excess() > 0) {
    const least = measured.reduce((a, b) => ((b.column.rank ?? Infinity) < (a.column.rank ?? Infinity) ? b : a))
    if (least.column.rank === undefined) break
    measured.splice(measured.indexOf(least), 1)
  }
  for (let over = excess(); over > 0; over = excess()) {
    const widest = measured.reduce((a, b) => (b.size > a.size ? b : a))
    if (widest.size <= narrowest) break
    widest.size = Math.max(narrowest, widest.size - over)
  }
  return { shown: measured.map(({ column }) => column), widths: measured.map(({ size }) => size) }
}
