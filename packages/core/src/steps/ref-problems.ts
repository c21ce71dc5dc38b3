import { encodeRefName, type RefListing } from '@saddle/git-relay'
import type { PlannedProblem } from '../plan.ts'
import { nameRefs } from '../translate/refs.ts'
import { counted } from './step.ts'

/** The longest name of a ref that GitHub takes, in bytes. */
const longestName = 255
/** Namespaces that GitHub keeps for itself: it refuses whoever pushes to them. */
const hidden = ['refs/pull/', 'refs/__gh__/']

/** What is in the way of refs because of their names, within the namespaces that are moved. */
export function refProblems({ refs }: Pick<RefListing, 'refs'>, namespaces: readonly string[]): PlannedProblem[] {
  const names = [...refs.keys()].filter((ref) => namespaces.some((prefix) => ref.startsWith(prefix)))
  return [
    ...problem(names.filter((ref) => hidden.some((prefix) => ref.startsWith(prefix))), 'error', 'REF_HIDDEN', (which) =>
      `GitHub keeps the namespace of ${which} for itself and would refuse them. Leave it out of the namespaces to move.`),
    ...problem(names.filter((ref) => encodeRefName(ref).length > longestName), 'warning', 'REF_REJECTED', (which) =>
      `GitHub takes names of at most ${longestName} bytes and would refuse ${which}; the others would arrive. Rename or delete them at the source.`),
    ...problem(alikeButForCase(names), 'warning', 'CONFLICT', (which) =>
      `The names of ${which} differ in upper and lower case only. They arrive, but clones on Windows and macOS cannot hold both of a pair; rename or delete one of each.`),
  ]
}

function problem(refs: string[], severity: PlannedProblem['severity'], code: PlannedProblem['code'], text: (which: string) => string): PlannedProblem[] {
  return refs.length === 0 ? [] : [{ severity, code, message: text(`${counted(refs.length, 'ref')} (${nameRefs(refs)})`), refs }]
}

function alikeButForCase(names: readonly string[]): string[] {
  const groups = new Map<string, string[]>()
  for (const name of names) {
    const folded = name.toLowerCase()
    groups.set(folded, [...(groups.get(folded) ?? []), name])
  }
  return [...groups.values()].filter(({ length }) => length > 1).flat()
}
