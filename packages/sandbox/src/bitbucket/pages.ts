import { badArgument } from './errors.ts'

/** A page of a list. `nextPageStart` is null on the last one. */
export interface Page<T> {
  readonly size: number
  readonly limit: number
  readonly isLastPage: boolean
  readonly values: readonly T[]
  readonly start: number
  readonly nextPageStart: number | null
}

/** The bounds a client asked for, lowered to what the server gives. */
export interface PageRequest {
  readonly start: number
  readonly limit: number
}

/** Reads `start` and `limit`. The limit is lowered without a word, as the server does. */
export function pageRequest(query: unknown, cap: number): PageRequest {
  const { start = '0', limit = '25' } = query as Record<string, string | undefined>
  const numbers = { start: Number(start), limit: Number(limit) }
  if (!Number.isInteger(numbers.start) || numbers.start < 0) throw badArgument(`"${start}" is not a valid start`)
  if (!Number.isInteger(numbers.limit) || numbers.limit < 1) throw badArgument(`"${limit}" is not a valid limit`)
  return { start: numbers.start, limit: Math.min(numbers.limit, cap) }
}

/**
 * One page of what passes the filter. Starts count what is listed before filtering, so `nextPageStart` may lie far
 * beyond `start + limit`.
 */
export function page<T>(all: readonly T[], { start, limit }: PageRequest, filter: (one: T) => boolean = () => true): Page<T> {
  const values: T[] = []
  let next = start
  for (; next < all.length && values.length < limit; next++) {
    const one = all[next]!
    if (filter(one)) values.push(one)
  }
  while (next < all.length && !filter(all[next]!)) next++
  const isLastPage = next >= all.length
  return { size: values.length, limit, isLastPage, values, start, nextPageStart: isLastPage ? null : next }
}

/** The same page with its values changed to what is sent. */
export const mapPage = <T, U>(from: Page<T>, map: (one: T) => U): Page<U> => ({ ...from, values: from.values.map(map) })
