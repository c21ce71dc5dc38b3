import type { RefListing, RefUpdate } from '@saddle/git-relay'
import { showRefName } from '@saddle/git-relay'

/** How two listings compare within some namespaces. */
export interface RefComparison {
  source: number
  target: number
  equal: number
  /** Refs that the target lacks. */
  missing: string[]
  /** Refs that point elsewhere at the target. */
  different: string[]
  /** Refs that only the target has. */
  extra: string[]
}

/** Compares listings hash for hash. */
export function compareRefs(source: RefListing, target: RefListing, namespaces: readonly string[]): RefComparison {
  const within = ({ refs }: RefListing) => [...refs].filter(([ref]) => namespaces.some((prefix) => ref.startsWith(prefix)))
  const wanted = within(source)
  const found = within(target)
  const result: RefComparison = {
    source: wanted.length, target: found.length, equal: 0, missing: [], different: [], extra: [],
  }
  for (const [ref, { oid }] of wanted) {
    const there = target.refs.get(ref)?.oid
    if (there === undefined) result.missing.push(ref)
    else if (there !== oid) result.different.push(ref)
    else result.equal++
  }
  result.extra = found.filter(([ref]) => !source.refs.has(ref)).map(([ref]) => ref)
  return result
}

/** Whether anything would be written. */
export const changes = (updates: readonly RefUpdate[]): RefUpdate[] => updates.filter(({ kind }) => kind !== 'unchanged')

/** Names for a sentence: the first few, escaped, and how many there are besides. */
export function nameRefs(refs: readonly string[], shown = 10): string {
  const names = refs.slice(0, shown).map(showRefName).join(', ')
  return refs.length > shown ? `${names} and ${refs.length - shown} more` : names
}
