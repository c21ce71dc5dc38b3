/** Longest name of a repository, in characters. */
export const longestName = 100

/** The name that a repository gets: letters, digits, `.`, `-` and `_` stay, and a run of others becomes one `-`. */
export function repositoryName(wanted: string): string {
  return wanted.replace(/[^A-Za-z0-9._-]+/g, '-')
}

/** The slug of a team's name. */
export function teamSlug(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9_]+/g, '-').replace(/^-+|-+$/g, '')
}

/** Logins as they are compared: case does not matter. */
export const lowerCase = (logins: readonly string[]): Set<string> => new Set(logins.map((login) => login.toLowerCase()))
