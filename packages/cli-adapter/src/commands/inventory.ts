import { BitbucketClient, takeInventory, type InventoryRow } from '@saddle/core'
import { stringify } from 'csv-stringify/sync'
import { warnOfPlainText } from '../engine.ts'
import { bitbucketSettings } from '../environment.ts'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { InventoryOptions } from '../options.ts'
import { fold } from '../render/fold.ts'
import { inventoryCells, inventoryColumns, inventoryTable } from '../render/inventory.ts'
import { counted } from '../render/format.ts'
import { styleOf } from '../render/style.ts'

/** `saddle inventory`; needs the source only. JSON and CSV are written as the rows come, the table once all are known. */
export async function inventory(projects: readonly string[], { json, csv }: InventoryOptions, io: Io): Promise<ExitStatus> {
  const settings = bitbucketSettings(io.env)
  warnOfPlainText(io)
  const client = new BitbucketClient(settings)
  const rows: InventoryRow[] = []
  const total = { repositories: 0, size: 0, unreadable: 0 }
  const counter = json || csv ? undefined : liveCounter(io)
  try {
    if (csv) io.stdout.write(csvLine([...inventoryColumns]))
    for await (const row of takeInventory(client, { projects: projects.length > 0 ? projects : undefined, signal: io.signal })) {
      total.repositories++
      total.size += row.size ?? 0
      if (row.error) total.unreadable++
      if (json) io.stdout.write(`${escapedJson({ type: 'repository', ...row })}\n`)
      else if (csv) io.stdout.write(csvLine(inventoryCells(row)))
      else rows.push(row)
      counter?.show(total.repositories)
    }
  } finally {
    counter?.clear()
    await client.close()
  }
  const style = styleOf(io.stdout, io.env)
  if (json) io.stdout.write(`${escapedJson({ type: 'report', ...total })}\n`)
  else if (!csv) io.stdout.write(fold(inventoryTable(rows, style), style))
  return total.unreadable > 0 ? exitStatus.partly : exitStatus.done
}

/** A line that a spreadsheet takes for text: a cell that begins like a formula gets an apostrophe in front. */
const csvLine = (cells: string[]): string => stringify([cells], { escape_formulas: true })

/** Says before the table how far the reading is, where somebody waits for it. */
function liveCounter(io: Io): { show: (repositories: number) => void; clear: () => void } | undefined {
  if (!styleOf(io.stderr, io.env).interactive) return undefined
  return {
    show: (repositories) => void io.stderr.write(`\r${counted(repositories, 'repository', 'repositories')} read\u001b[K`),
    clear: () => void io.stderr.write('\r\u001b[K'),
  }
}
