import { SaddleError, type MigrationStatus } from '@saddle/core'
import { openStore } from '../engine.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'
import { moment } from '../render/format.ts'
import { styleOf } from '../render/style.ts'
import { table } from '../render/table.ts'

const statuses: readonly string[] = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] satisfies MigrationStatus[]

/** `saddle history` */
export async function history(options: CommonOptions & { status?: string; limit: string }, io: Io): Promise<ExitStatus> {
  const { status, json } = options
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw new SaddleError('INVALID_INPUT', '--limit takes a number from 1 to 500.')
  if (status !== undefined && !statuses.includes(status)) throw new SaddleError('INVALID_INPUT', `--status takes one of ${statuses.join(', ')}.`)
  const store = await openStore(io)
  try {
    const { items } = await store.listMigrations({ limit, ...(status === undefined ? {} : { status: status as MigrationStatus }) })
    if (json) for (const record of items) io.stdout.write(`${escapedJson(record)}\n`)
    else if (items.length === 0) io.stdout.write('No migrations yet.\n')
    else {
      io.stdout.write(
        table(items, [
          { title: 'Id', cell: ({ id }) => id },
          { title: 'Started', cell: ({ startedAt, createdAt }) => moment(startedAt ?? createdAt), rank: 2 },
          { title: 'Status', cell: (record) => record.status },
          { title: 'Source', cell: ({ request: { source } }) => escape(`${source.project}/${source.repository}`) },
          { title: 'Target', cell: ({ request: { target } }) => escape(`${target.owner}/${target.name}`) },
          { title: 'What', cell: ({ error, progress }) => escape(error?.message ?? progress.message), rank: 1 },
        ], styleOf(io.stdout, io.env)),
      )
    }
    return exitStatus.done
  } finally {
    await store.close()
  }
}
