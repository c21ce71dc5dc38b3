/** What a rehearsal asks for by name; an error when the sandbox has none. */
export function found<T>(one: T | undefined, what: string): T {
  if (one === undefined) throw new Error(`The sandbox has no ${what}`)
  return one
}
