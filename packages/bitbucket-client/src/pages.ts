import { SaddleError, type CallOptions, type HttpClient } from '@saddle/transport'
import type { z } from 'zod'
import { parse } from './parse.ts'
import { page as pageSchema } from './schema.ts'
import { requestOptions } from './failure.ts'

/** The most a server gives, unless its operator says less; it lowers larger numbers in silence. */
const pageSize = 1000

/** Pages in a row without a value after which a list counts as endless. Servers filter by permission, but not so far. */
const emptyPages = 1000

/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | undefined>>

/**
 * The values of a paged resource, one after the other; a page is asked for when its first value is wanted.
 *
 * @throws SaddleError `PROTOCOL_ERROR` when a page does not lead further than itself, since that list would never end
 */
export async function* paged<Schema extends z.ZodType>(
  http: HttpClient,
  path: string,
  schema: Schema,
  { query = {}, limit = pageSize, signal }: CallOptions & { query?: Query; limit?: number } = {},
): AsyncGenerator<z.output<Schema>, void, undefined> {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value)
  parameters.set('limit', String(limit))
  let empty = 0
  for (let start = 0; ;) {
    parameters.set('start', String(start))
    const { data } = await http.json(`${path}?${parameters.toString()}`, requestOptions(signal))
    const { values, isLastPage, nextPageStart } = parse(pageSchema, data, http, path)
    for (const value of values) yield parse(schema, value, http, path)
    empty = values.length === 0 ? empty + 1 : 0
    if (isLastPage || (isLastPage == null && nextPageStart == null)) return
    if (nextPageStart == null || nextPageStart <= start || empty >= emptyPages) {
      throw new SaddleError(
        'PROTOCOL_ERROR',
        `${http.baseUrl.host} does not end the list ${path}: the page at ${start} leads to ${nextPageStart ?? 'nowhere'}. ` +
          'What was read so far is not the whole list. Check the server, and what is between it and here.',
        { context: { host: http.baseUrl.host, path }, redactor: http.redactor },
      )
    }
    start = nextPageStart
  }
}
