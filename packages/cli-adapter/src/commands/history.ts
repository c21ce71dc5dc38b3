import type { MigrationRecord, MigrationStore } from '@saddle/core'
import { withStore } from '../engine.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { HistoryOptions } from '../options.ts'
import { statusSign } from '../render/report.ts'
import { styleOf, type Style } from '../render/style.ts'
import { table } from '../render/table.ts'

/** The most that the store gives at once. */
const pageSize = 500

/** `saddle history` */
export function history(options: HistoryOptions, io: Io): Promise<ExitStatus> {
  return withStore(io, async (store) => {
    const records: MigrationRecord[] = []
    for await (const record of newestFirst(store, options)) {
      if (options.json) io.stdout.write(`${escapedJson({ type: 'migration', ...record })}\n`)
      else records.push(record)
    }
    if (!options.json) io.stdout.write(records.length > 0 ? historyTable(records, styleOf(io.stdout, io.env)) : 'No migrations.\n')
    return exitStatus.done
  })
}

async function* newestFirst(store: MigrationStore, { status, project, owner, limit }: HistoryOptions): AsyncGenerator<MigrationRecord> {
  const query = { ...(status ? { status } : {}), ...(project ? { project } : {}), ...(owner ? { owner } : {}) }
  let cursor: string | undefined
  let left = limit
  do {
    const page = await store.listMigrations({ ...query, limit: Math.min(left, pageSize), ...(cursor === undefined ? {} : { cursor }) })
    yield* page.items
    left -= page.items.length
    cursor = page.cursor
  } while (cursor !== undefined && left > 0)
}

function historyTable(records: readonly MigrationRecord[], style: Style): string {
  return table(records, [
    { title: 'Id', cell: ({ id }) => escape(id) },
    { title: 'Started (UTC)', cell: ({ startedAt, createdAt }) => (startedAt ?? createdAt).slice(0, 16).replace('T', ' '), rank: 5 },
    { title: 'Status', cell: ({ status }) => `${statusSign(status, style)} ${status}` },
    { title: 'Source', cell: ({ request: { source } }) => escape(`${source.project}/${source.repository}`), rank: 4 },
    { title: 'Target', cell: ({ request: { target } }) => escape(`${target.owner}/${target.name}`), rank: 3 },
    { title: 'Latest', cell: ({ error, progress }) => escape(error ? error.code : progress.message), rank: 1 },
  ], style)
}
