import { SaddleError } from '@saddle/transport'

const longestName = 100
const longestTopic = 50

/** The most topics that GitHub keeps for one repository. */
export const maxTopics = 20

/**
 * The name that GitHub would give to a repository of this name: every run of characters other than letters, digits,
 * `.`, `-` and `_` becomes one `-`, at most 100 characters are kept. Names that GitHub reserves (`.`, `..`, endings in
 * `.git` or `.wiki`, the empty name) are changed as little as makes them legal. Two texts can become one name; GitHub's
 * names do not differ by case.
 */
export function toRepositoryName(text: string): string {
  let name = text.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, longestName)
  while (/\.(git|wiki)$/i.test(name)) name = name.replace(/\.(git|wiki)$/i, '')
  return /^\.{0,2}$/.test(name) ? '-' : name
}

/**
 * The topic for a label: lower case, letters, digits and `-` only, beginning with a letter or digit, at most 50
 * characters. Undefined when nothing remains.
 */
export function toTopic(label: string): string | undefined {
  const topic = label
    .normalize('NFKD')
    .toLowerCase()
    // Combining marks that the decomposition set apart from their letters.
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, longestTopic)
    .replace(/-+$/, '')
  return topic || undefined
}

/** Throws `INVALID_INPUT` for what cannot be an owner's login: it would address something else in a path. */
export function checkOwner(owner: string, option = 'owner'): void {
  if (/^[A-Za-z0-9_-]{1,100}$/.test(owner)) return
  throw new SaddleError(
    'INVALID_INPUT',
    `${JSON.stringify(owner.slice(0, longestName))} cannot be the login of a GitHub user or organisation: those have letters, digits and hyphens.`,
    { context: { option } },
  )
}

/** Throws `INVALID_INPUT` for a repository name that GitHub would change, and says into what. */
export function checkRepositoryName(name: string, option = 'name'): void {
  const legal = toRepositoryName(name)
  if (legal === name) return
  throw new SaddleError(
    'INVALID_INPUT',
    `${JSON.stringify(name.slice(0, longestName))} cannot be the name of a GitHub repository: those have letters, digits, ` +
      `'.', '-' and '_', and at most ${longestName} of them. It could be named ${legal}.`,
    { context: { option } },
  )
}
