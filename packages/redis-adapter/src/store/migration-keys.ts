import type { MigrationQuery, MigrationRecord } from '@saddle/core'
import { conditions, searchFields } from '@saddle/core/store/kit'
import type { RedisConnection } from '../connection.ts'

/** The fields that lists are read by, the most selective first. Others are filtered from what these yield. */
const indexed = ['bulkId', 'target', 'startedBy', 'status', 'project', 'owner'] as const

/** The place of a record in its lists, which are sorted by bytes. */
export const memberOf = ({ createdAt, id }: { createdAt: string; id: string }): string => `${createdAt}${id}`

/** The id in a {@link memberOf}. */
export const idIn = (member: string): string => member.slice('2024-01-01T00:00:00.000Z'.length)

/** The names of the keys that a migration is kept under. */
export class MigrationKeys {
  readonly ended: string
  readonly all: string

  constructor(readonly connection: RedisConnection) {
    this.ended = connection.key('migrations', 'ended')
    this.all = connection.key('migrations', 'all')
  }

  record = (id: string): string => this.connection.key('migration', id)
  stream = (id: string): string => this.connection.key('events', id)
  journal = (id: string): string => this.connection.key('journal', id)
  lease = (key: string): string => this.connection.key('lease', key)

  index(field: (typeof indexed)[number], value: string): string {
    return this.connection.key('migrations', field, value)
  }

  /** All lists that a record is in. */
  indexes(record: MigrationRecord): string[] {
    const fields = searchFields(record)
    return [this.all, ...indexed.flatMap((field) => (fields[field] === null ? [] : [this.index(field, fields[field])]))]
  }

  /** What holds an idempotency key; undefined for a record without one. */
  unique({ owner = '', idempotencyKey }: Pick<MigrationRecord, 'owner' | 'idempotencyKey'>): string | undefined {
    return idempotencyKey === undefined ? undefined : this.connection.key('migrations', 'key', JSON.stringify([owner, idempotencyKey]))
  }

  /** The list to read for a query. */
  listFor(query: MigrationQuery): string {
    const wanted = new Map<string, string>(conditions(query))
    const field = indexed.find((name) => wanted.has(name))
    return field ? this.index(field, wanted.get(field)!) : this.all
  }
}
