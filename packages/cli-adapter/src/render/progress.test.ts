import type { ProgressEvent, ProgressEventBody } from '@saddle/core'
import stringWidth from 'string-width'
import { beforeEach, describe, expect, it } from 'vitest'
import { Capture } from '../../test/capture.ts'
import { progressView, type ProgressView } from './progress.ts'

const start = Date.parse('2024-05-01T12:00:00Z')
let seq = 0
beforeEach(() => { seq = 0 })

const event = (body: ProgressEventBody, seconds = 0, migrationId = 'm1'): ProgressEvent =>
  ({ migrationId, seq: ++seq, at: new Date(start + seconds * 1000).toISOString(), ...body })

const begin = (source = 'PROJ/app', target = 'acme/app'): ProgressEventBody =>
  ({ type: 'migration-start', source, target, resumed: false })
const step: ProgressEventBody = { type: 'step-start', step: 'transfer-git', index: 4, total: 7 }
const transfer = (objects: number): ProgressEventBody => ({
  type: 'transfer', phase: 'streaming', bytes: objects * 1024, objects, totalObjects: 5000, bytesPerSecond: 3 * 1024 ** 2, secondsLeft: 12,
})
const loss: ProgressEventBody = { type: 'loss', loss: { kind: 'pull-requests', subject: 'pull requests', reason: 'not asked for', count: 3 } }
const end: ProgressEventBody = { type: 'migration-end', status: 'completed', durationMs: 3200 }

/** What the screen shows after the given output: enough of a terminal for what the bars send. */
function screen(output: string): string[] {
  const lines: string[] = ['']
  let row = 0
  let column = 0
  for (const [part] of output.matchAll(/\x1b\[[?\d;]*[A-Za-z]|[^\x1b]/gu)) {
    const [, amount = '', command = ''] = /^\x1b\[([?\d;]*)([A-Za-z])$/.exec(part) ?? []
    if (part === '\n') [row, column] = [row + 1, 0]
    else if (command === 'A') row -= Number(amount || 1)
    else if (command === 'G') column = Number(amount || 1) - 1
    else if (command === 'K') lines[row] = amount === '2' ? '' : (lines[row] ?? '').slice(0, column)
    else if (command === 'J') { lines.length = row + 1; lines[row] = (lines[row] ?? '').slice(0, column) }
    else if (command === '') { lines[row] = (lines[row] ?? '').padEnd(column).slice(0, column) + part + (lines[row] ?? '').slice(column + part.length); column += part.length }
    while (lines.length <= row) lines.push('')
  }
  return lines.map((line) => line.trimEnd())
}

async function open(stdout: Capture, env: Record<string, string> = {}, json = false): Promise<ProgressView> {
  return progressView({ stdout, stderr: new Capture(), env }, { json })
}

describe('in a pipe', () => {
  it('writes plain lines, at most one about a transfer in five seconds', async () => {
    const stdout = new Capture()
    const view = await open(stdout)
    view.show(event(begin()))
    view.show(event(step))
    for (let second = 0; second < 12; second++) view.show(event(transfer(second * 100), second))
    view.show(event({ type: 'message', level: 'warning', text: 'waiting\r\n\x1b[2Jfor room' }, 12))
    view.show(event(loss, 12))
    view.show(event({ type: 'step-end', step: 'transfer-git', index: 4, total: 7, durationMs: 12_000, outcome: 'done' }, 12))
    view.show(event(end, 12))
    view.stop()
    expect(stdout.lines).toEqual([
      'PROJ/app: starting: PROJ/app → acme/app',
      'PROJ/app: transferring: 500 KiB, 500/5,000 objects, 3.0 MiB/s, 12 s left',
      'PROJ/app: transferring: 1000 KiB, 1,000/5,000 objects, 3.0 MiB/s, 12 s left',
      'PROJ/app: warning: waiting\\r\\n\\x1b[2Jfor room',
      'PROJ/app: not migrated: pull requests (3): not asked for',
      'PROJ/app: step 4/7 transfer-git: done in 12 s',
      'PROJ/app: completed in 3.2 s',
    ])
  })

  it('colours only when told to, and never in the log of a build on a terminal-like stream', async () => {
    const coloured = new Capture()
    ;(await open(coloured, { FORCE_COLOR: '1' })).show(event(loss))
    expect(coloured.text).toContain('\x1b[33m')
    const build = new Capture({ isTTY: true })
    const view = await open(build, { CI: 'true', NO_COLOR: '1' })
    for (const body of [begin(), step, transfer(1), loss, end]) view.show(event(body))
    expect(build.text).not.toContain('\x1b')
    expect(build.lines.at(-1)).toBe('PROJ/app: completed in 3.2 s')
  })
})

describe('as JSON', () => {
  it('writes every event as it is, one a line', async () => {
    const stdout = new Capture({ isTTY: true })
    const view = await open(stdout, {}, true)
    const events = [begin('PROJ/\x1b]8;;x\x07\u202e'), step, transfer(1), loss, end].map((body) => event(body))
    for (const one of events) view.show(one)
    expect(stdout.json).toEqual(events)
    expect(stdout.text).not.toMatch(/[\x1b\u202e]/)
  })
})

describe('on a terminal', () => {
  it.each([120, 80, 40])('shows each running migration within %d characters', async (columns) => {
    const stdout = new Capture({ isTTY: true, columns })
    const view = await open(stdout, { NO_COLOR: '1' })
    view.show(event(begin()))
    view.show(event(begin('PROJ/größe-機能-with-a-very-long-name-indeed', 'acme/b'), 0, 'm2'))
    view.show(event(step))
    view.show(event(transfer(2500)))
    view.stop()
    const lines = stdout.text.replace(/\x1b\[[?\d;]*[A-Za-z]/g, '\n').split('\n')
    expect(Math.max(...lines.map((text) => stringWidth(text)))).toBeLessThan(columns)
    expect(lines.some((text) => text.startsWith('PROJ/gr'))).toBe(true)
    expect(lines.filter((text) => text.startsWith('PROJ/app')).at(-1)).toMatch(columns > 40 ? /█+░+ +54% {2}transferring/ : /█+░+ +54%/)
    const facts = '2.4 MiB · 2,500/5,000 objects · 3.0 MiB/s · 12 s left'
    expect(lines.some((text) => text.includes(columns > 40 ? facts : '2.4 MiB'))).toBe(true)
  })

  it('never draws more lines than the terminal has, and lets those wait that do not fit', async () => {
    const stdout = new Capture({ isTTY: true, rows: 9 })
    const view = await open(stdout, { NO_COLOR: '1' })
    for (let number = 1; number <= 5; number++) view.show(event(begin(`PROJ/r${number}`, `acme/r${number}`), 0, `m${number}`))
    view.show(event(end, 0, 'm1'))
    const shown = screen(stdout.text).filter((line) => line.includes('░'))
    expect(shown.map((line) => line.slice(0, 7))).toEqual(['PROJ/r2'])
    view.show(event(end, 0, 'm2'))
    view.stop()
    expect(stdout.text).toContain('PROJ/r3 → acme/r3  ░')
    expect(stdout.text).not.toContain('PROJ/r5 → acme/r5  ░')
  })

  it('leaves what ended and what was lost above, and no bar behind', async () => {
    const stdout = new Capture({ isTTY: true })
    const view = await open(stdout, { NO_COLOR: '1' })
    view.show(event(begin()))
    view.show(event(begin('PROJ/lib', 'acme/lib'), 0, 'm2'))
    view.show(event(step))
    view.show(event(transfer(5000)))
    view.show(event(loss))
    view.show(event(end))
    const error = { code: 'NETWORK' as const, message: 'The connection\x1b[2J broke.', retryable: true }
    view.show(event({ type: 'migration-end', status: 'failed', durationMs: 900, error }, 0, 'm2'))
    view.stop()
    expect(screen(stdout.text).filter((line) => line !== '')).toEqual([
      '  PROJ/app → acme/app: not migrated: pull requests (3): not asked for',
      '✓ PROJ/app → acme/app  completed in 3.2 s',
      '✗ PROJ/lib → acme/lib  failed after 0.9 s: The connection\\x1b[2J broke. (NETWORK)',
    ])
    expect(stdout.text.lastIndexOf('\x1b[?25h')).toBeGreaterThan(stdout.text.lastIndexOf('\x1b[?25l'))
  })

  it('takes its last bar away when it is stopped in the middle', async () => {
    const stdout = new Capture({ isTTY: true })
    const view = await open(stdout)
    view.show(event(begin()))
    view.stop()
    view.stop()
    expect(screen(stdout.text).filter((line) => line !== '')).toEqual([])
  })
})
