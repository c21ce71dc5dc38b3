import { SaddleError } from '@saddle/transport'
import type { MigrationRecord } from '../record.ts'
import type { MigrationQuery } from './store.ts'

/** A place in the list of all migrations, newest first: after the record with these two fields. */
export interface PageMark {
  createdAt: string
  id: string
}

/** How many items a page may have, as {@link MigrationQuery} says. */
export const pageLimit = (query: MigrationQuery): number => Math.max(1, Math.min(500, Math.trunc(query.limit ?? 50)))

/** The cursor after a record; opaque to callers. */
export const encodeCursor = ({ createdAt, id }: PageMark): string =>
  Buffer.from(JSON.stringify([createdAt, id])).toString('base64url')

/**
 * Reads a cursor.
 *
 * @throws SaddleError `INVALID_INPUT` for anything that {@link encodeCursor} did not make
 */
export function decodeCursor(cursor: string): PageMark {
  try {
    const mark: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(mark) && mark.length === 2 && mark.every((part) => typeof part === 'string')) {
      return { createdAt: mark[0] as string, id: mark[1] as string }
    }
  } catch {
    // Falls through: a cursor that is no JSON is as foreign as any other.
  }
  throw new SaddleError('INVALID_INPUT', 'The cursor is not one that a list of migrations returned.', {
    context: { option: 'cursor' },
  })
}

/** Sorts newest first; records of one millisecond by id, so that the order is total. */
export function newestFirst(a: PageMark, b: PageMark): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0
}

/** The fields of a record that a {@link MigrationQuery} asks for, in the form in which they are compared. */
export function searchFields({ status, request: { source, target }, owner, idempotencyKey, bulkId }: MigrationRecord) {
  return {
    status,
    project: source.project.toLowerCase(),
    repository: source.repository.toLowerCase(),
    owner: target.owner.toLowerCase(),
    target: `${target.owner}/${target.name}`.toLowerCase(),
    startedBy: owner ?? '',
    idempotencyKey: idempotencyKey ?? null,
    bulkId: bulkId ?? null,
  }
}

/** The conditions of a query as pairs of a {@link searchFields} name and the value it must have. */
export function conditions(query: MigrationQuery): [keyof ReturnType<typeof searchFields>, string][] {
  const startedBy = query.startedBy ?? (query.idempotencyKey === undefined ? undefined : '')
  const wanted = {
    status: query.status,
    project: query.project?.toLowerCase(),
    repository: query.repository?.toLowerCase(),
    owner: query.owner?.toLowerCase(),
    target: query.target?.toLowerCase(),
    startedBy,
    idempotencyKey: query.idempotencyKey,
    bulkId: query.bulkId,
  }
  return Object.entries(wanted).filter((pair): pair is [keyof typeof wanted, string] => pair[1] !== undefined)
}
