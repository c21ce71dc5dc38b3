import pc from 'picocolors'
import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import type { Style } from './style.ts'
import { table, type Column } from './table.ts'

const style = (interactive: boolean, width = Infinity, colour = false): Style =>
  ({ interactive, width, colour: pc.createColors(colour) })

interface Row { name: string; size: string; note: string }
const columns: Column<Row>[] = [
  { title: 'Name', cell: ({ name }) => name },
  { title: 'Size', cell: ({ size }) => size, align: 'right', rank: 2 },
  { title: 'Note', cell: ({ note }) => note, rank: 1 },
]
const rows = [{ name: 'größe-機能', size: '1 B', note: 'short' }, { name: 'b', size: '100 MiB', note: 'a longer note' }]

describe('table', () => {
  it('is aligned and plain in a pipe', () => {
    expect(table(rows, columns, style(false))).toBe(
      ['Name           Size  Note', 'größe-機能      1 B  short', 'b           100 MiB  a longer note', ''].join('\n'),
    )
  })

  it('has borders on a terminal, and lines of one width', () => {
    const lines = table(rows, columns, style(true, 80, true)).trimEnd().split('\n')
    expect(lines[0]).toMatch(/^┌─+┬/)
    expect(new Set(lines.map((line) => stringWidth(line))).size).toBe(1)
  })

  it.each([40, 34, 24, 16])('never exceeds a terminal of %d characters, and says what it leaves out', (width) => {
    const text = table(rows, columns, style(true, width))
    const grid = text.split('\n').filter((line) => /^[┌│├└]/.test(line))
    expect(Math.max(...grid.map((line) => stringWidth(line)))).toBeLessThanOrEqual(width)
    if (width < 40) expect(text).toMatch(width < 20 ? /Not shown for want of width: Size, Note\./ : /width: Note\./)
  })

  it('cuts what must stay when there is no other way', () => {
    const text = table([{ name: 'x'.repeat(100), size: '', note: '' }], columns, style(true, 30))
    expect(text).toContain('…')
    expect(Math.max(...text.split('\n').filter((line) => line.startsWith('│')).map((line) => stringWidth(line)))).toBeLessThanOrEqual(30)
  })

  it('is a head alone without rows', () => {
    expect(table([], columns, style(false))).toBe('Name  Size  Note\n')
  })
})
