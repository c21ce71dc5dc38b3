import type { ErrorCode } from '@saddle/transport'
import type { NormalizedRequest } from '../request.ts'

/** One repository to be moved. */
export interface PlannedItem {
  request: NormalizedRequest
  /** Size at the source, where the source says so. */
  sizeBytes?: number
}

/** Something that is in the way of a bulk migration. */
export interface BulkProblem {
  severity: 'error' | 'warning'
  code: ErrorCode
  /** A sentence: what is wrong, and what to do about it. */
  message: string
  /** The repositories concerned, as `PROJECT/slug`. */
  sources: string[]
  /** The lines of the map concerned. */
  lines?: number[]
}

/** A repository with the line of the map that names it. */
export type Placed = PlannedItem & { line?: number | undefined }

/** Those that share a key with another. */
export const shared = (items: readonly Placed[], keyOf: (item: Placed) => string): [Placed, ...Placed[]][] =>
  grouped(items, keyOf).filter(({ length }) => length > 1)

/** Items by a key, in the order in which the keys come first. */
export function grouped(items: readonly Placed[], keyOf: (item: Placed) => string): [Placed, ...Placed[]][] {
  const byKey = new Map<string, [Placed, ...Placed[]]>()
  for (const item of items) {
    const group = byKey.get(keyOf(item))
    if (group) group.push(item)
    else byKey.set(keyOf(item), [item])
  }
  return [...byKey.values()]
}

/** The lines concerned, as a problem has them. */
export function linesOf(group: readonly Placed[]): { lines?: number[] } {
  const lines = group.flatMap(({ line }) => (line === undefined ? [] : [line]))
  return lines.length ? { lines } : {}
}
