/** What a line of git's own progress says. */
export interface GitProgress {
  bytes: number
  objects: number
  totalObjects?: number
}

const units: Record<string, number> = { bytes: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/**
 * Reads lines such as `Receiving objects:  42% (21/50), 1.50 MiB | 3.00 MiB/s` and `Writing objects: …`; undefined for
 * the other phases, which move no bytes, and for any other text.
 */
export function parseProgressLine(line: string): GitProgress | undefined {
  const match = /^(?:Receiving|Writing) objects:\s+\d+% \((\d+)\/(\d+)\)(?:, ([\d.]+) (bytes|KiB|MiB|GiB))?/.exec(line)
  if (!match) return undefined
  const [, objects, totalObjects, amount, unit] = match
  return {
    objects: Number(objects),
    totalObjects: Number(totalObjects),
    bytes: Math.round(Number(amount ?? 0) * (units[unit ?? ''] ?? 0)),
  }
}
