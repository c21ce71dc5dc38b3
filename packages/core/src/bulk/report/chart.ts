import type { MigrationStatus } from '../../record.ts'
import { durationText } from './text.ts'

/** When a repository was worked on, in milliseconds since 1970, and what became of it. */
export interface Span {
  start: number
  end: number
  status: MigrationStatus
}

const width = 960
const height = 260
const left = 52
const right = 14
const top = 12
const bottom = 30
const series = [
  { name: 'completed', statuses: ['completed'] },
  { name: 'failed', statuses: ['failed', 'cancelled'] },
] as const

/**
 * The run over time as SVG: how many repositories had arrived or failed, stacked, and how many were under way. Empty when
 * nothing has ended.
 */
export function chart(spans: readonly Span[], total: number): string {
  const ended = spans.filter(({ status }) => status !== 'in_progress' && status !== 'pending')
  if (ended.length === 0) return ''
  const from = Math.min(...minmax(spans.map(({ start }) => start)))
  const latest = Math.max(from + 1, ...minmax(spans.map(({ end }) => end)))
  // A little room after the end, so that its last step can be seen.
  const to = from + (latest - from) * 1.01
  const x = (time: number) => round(left + ((time - from) / (to - from)) * (width - left - right))
  const y = (count: number) => round(height - bottom - (count / Math.max(1, total)) * (height - top - bottom))
  const areas: string[] = []
  let below: readonly number[] = []
  for (const { name, statuses } of series) {
    const times = sorted([...below, ...ended.filter(({ status }) => (statuses as readonly string[]).includes(status)).map(({ end }) => end)])
    if (times.length > below.length) areas.unshift(`<path class="${name}" d="${steps(times, x, y, to)}"/>`)
    below = times
  }
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Repositories that arrived and failed over time">
${grid(total, y)}${timeAxis(latest - from, from, x)}
${areas.join('\n')}
<path class="running" d="${runningLine(spans, x, y)}"/>
</svg>`
}

/** A filled curve that rises by one at each of the times. */
function steps(times: readonly number[], x: (time: number) => number, y: (count: number) => number, to: number): string {
  const points = thinned(times.map((time, index) => [time, index + 1] as const))
  let path = `M${x(points[0]![0])},${y(0)}`
  for (const [time, count] of points) path += `H${x(time)}V${y(count)}`
  return `${path}H${x(to)}V${y(0)}Z`
}

function runningLine(spans: readonly Span[], x: (time: number) => number, y: (count: number) => number): string {
  const changes = spans.flatMap(({ start, end }) => [[start, 1], [end, -1]] as const).sort(([a, one], [b, other]) => a - b || one - other)
  let running = 0
  const points = changes.map(([time, change]) => [time, (running += change)] as const)
  return `M${x(points[0]![0])},${y(0)}${thinned(points).map(([time, count]) => `H${x(time)}V${y(count)}`).join('')}`
}

/** At most about a thousand points, so that a page about many repositories stays small. */
function thinned<T>(points: readonly T[]): readonly T[] {
  const every = Math.ceil(points.length / 1000)
  return every <= 1 ? points : points.filter((_point, index) => index % every === 0 || index === points.length - 1)
}

function grid(total: number, y: (count: number) => number): string {
  return ticks(total)
    .map((count) => `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(count)}" y2="${y(count)}"/><text class="axis" x="${left - 8}" y="${y(count) + 4}" text-anchor="end">${count}</text>`)
    .join('')
}

function timeAxis(length: number, from: number, x: (time: number) => number): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((share) => {
      const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle'
      return `<text class="axis" x="${x(from + share * length)}" y="${height - 8}" text-anchor="${anchor}">${durationText(share * length)}</text>`
    })
    .join('')
}

/** Round numbers from 0 to the total, about four of them. */
function ticks(total: number): number[] {
  const raw = total / 4
  const magnitude = 10 ** Math.floor(Math.log10(Math.max(1, raw)))
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * magnitude).find((candidate) => candidate >= raw) ?? 1)
  const values: number[] = []
  for (let value = 0; value <= total; value += step) values.push(value)
  return values
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)
const round = (value: number): number => Math.round(value * 10) / 10
/** Least and largest; spreading thousands of values into a call can overflow the stack. */
const minmax = (values: readonly number[]): [number, number] =>
  values.reduce<[number, number]>(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity])
