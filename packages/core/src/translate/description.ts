import type { Loss } from '../ledger.ts'

/** The longest description that GitHub keeps, in characters. */
const longest = 350

/**
 * The description as the target takes it: on one line, without control characters, at most 350 characters. What had to be
 * cut is a loss; a line break that became a space is none.
 */
export function translateDescription(description: string | null | undefined): { description: string; losses: Loss[] } {
  const oneLine = (description ?? '').replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  const characters = [...oneLine]
  if (characters.length <= longest) return { description: oneLine, losses: [] }
  const reason = `The target keeps ${longest} characters of a description; this one has ${characters.length} and was cut.`
  return {
    description: `${characters.slice(0, longest - 1).join('').trimEnd()}…`,
    losses: [{ kind: 'description', subject: 'description', reason }],
  }
}
