import { parse } from 'csv-parse/sync'
import { SaddleError } from '@saddle/transport'
import type { MigrationRequest } from '../request.ts'

/** One line of a map, as a request that has not been checked yet, or what is wrong with the line. */
export interface MapRow {
  /** Line in the text, from 1. */
  line: number
  request?: MigrationRequest
  problem?: string
}

const columns = ['source', 'target', 'visibility', 'description', 'existing']

/**
 * Reads a CSV map (RFC 4180, with a header; a byte order mark, blank lines and lines that begin with `#` are passed over).
 *
 * @param owner - for targets that are a name alone, or absent
 * @throws SaddleError `INVALID_INPUT` when the text as a whole is no such map
 */
export function parseMap(text: string, owner: string | undefined): MapRow[] {
  let rows: { record: Record<string, string>; info: { lines: number } }[]
  try {
    rows = parse(text, {
      bom: true, columns: checkedHeader, comment: '#', comment_no_infix: true, info: true, skip_empty_lines: true, trim: true,
    }) as unknown as typeof rows
  } catch (cause) {
    if (SaddleError.is(cause)) throw cause
    throw invalid(`The map is not valid CSV: ${(cause as Error).message}`, cause)
  }
  if (rows.length === 0) throw invalid('The map has no lines besides its header.')
  return rows.map(({ record, info }) => ({ line: info.lines, ...toRequest(record, owner) }))
}

function checkedHeader(header: string[]): string[] {
  const names = header.map((name) => name.trim().toLowerCase())
  const unknown = names.filter((name) => !columns.includes(name))
  if (!names.includes('source')) throw invalid(`The map's first line must name its columns, "source" among them (of ${columns.join(', ')}).`)
  if (unknown.length) throw invalid(`The map has columns that are not known: ${unknown.join(', ')}. Known are ${columns.join(', ')}.`)
  if (new Set(names).size < names.length) throw invalid('The map names a column twice.')
  return names
}

function toRequest(row: Record<string, string>, defaultOwner: string | undefined): Omit<MapRow, 'line'> {
  const { source = '', target = '', visibility, description, existing } = row
  const [project, repository, ...more] = source.split('/')
  if (!project || !repository || more.length) return { problem: `"${source}" is not a source; write PROJECT/slug` }
  const parts = target.split('/')
  if (parts.length > 2) return { problem: `"${target}" is not a target; write owner/name, or name` }
  const name = parts.at(-1)
  const owner = parts.length === 2 ? parts[0] : defaultOwner
  if (!owner) return { problem: 'the target names no owner, and none was given for the whole map' }
  if (existing && !/^(true|false|yes|no)$/i.test(existing)) return { problem: `existing is "${existing}"; write true or false` }
  return {
    request: {
      source: { project, repository },
      target: {
        owner,
        ...(name ? { name } : {}),
        ...(visibility ? { visibility: visibility.toLowerCase() as 'private' } : {}),
        ...(description ? { description } : {}),
        ...(existing ? { existing: /^(true|yes)$/i.test(existing) } : {}),
      },
    },
  }
}

const invalid = (message: string, cause?: unknown) => new SaddleError('INVALID_INPUT', message, { cause, context: { option: 'map' } })
