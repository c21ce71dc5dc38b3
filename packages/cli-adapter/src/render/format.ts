const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes for people: `0 B`, `512 B`, `1.5 KiB`, `23 MiB`. */
export function bytes(value: number): string {
  let unit = 0
  // 1023.5 and more would be rounded to the 1024 of the next unit.
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`
}

/** A count with separators: `12,345`. */
export const count = (value: number): string => value.toLocaleString('en-US')

/** A count with its noun: `1 ref`, `2 refs`, `2 branches` (with the plural given). */
export const counted = (value: number, noun: string, plural = `${noun}s`): string =>
  `${count(value)} ${value === 1 ? noun : plural}`

/** A span of time for people, from milliseconds: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`
}

/** A moment for people: `2024-05-01 13:45:10 UTC`, from ISO 8601. */
export const moment = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`

const pad = (value: number): string => String(value).padStart(2, '0')
