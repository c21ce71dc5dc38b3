import {
  bulkItems, enqueueBulk, isFinal, SaddleError,
  type BulkItem, type BulkPlan, type BulkRecord, type BulkRequest, type JobQueue, type MigrationEngine, type MigrationStore,
} from '@saddle/core'
import { withEngine, withStore } from '../engine.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import { reportFailure } from '../failure.ts'
import type { Io } from '../io.ts'
import type { BulkOptions, CommonOptions } from '../options.ts'
import { bulkTable, bulkText, planText } from '../render/bulk.ts'
import { progressView, type ProgressView } from '../render/progress.ts'
import { withoutReference as shown } from '../render/progress-json.ts'
import { styleOf } from '../render/style.ts'
import { textOf } from '../read-file.ts'
import { reportFormat, writeReport } from '../report-file.ts'

/** Milliseconds without a worker after which somebody who waits is told how to start one. */
const silence = 5000

/** `saddle bulk` */
export async function bulk(project: string | undefined, options: BulkOptions, io: Io): Promise<ExitStatus> {
  for (const file of options.report ?? []) reportFormat(file)
  const known = options.resume ?? options.retry
  const request = known === undefined ? await requestOf(project, options) : undefined
  return withEngine(io, async (engine, { store, queue }) => {
    let id = known
    if (request) {
      const plan = await engine.bulk.plan(request, { signal: io.signal })
      const errors = plan.problems.some(({ severity }) => severity === 'error')
      if (options.dryRun || errors) return showPlan(plan, options, io, errors)
      for (const { message } of plan.problems) io.stderr.write(`${styleOf(io.stderr, io.env).colour.yellow('warning:')} ${escape(message)}\n`)
      id = (await engine.bulk.create(plan, { concurrency: options.concurrency })).id
    } else if (options.retry !== undefined && (await engine.bulk.retry(options.retry)) === 0) {
      io.stderr.write('There is nothing to retry: every repository arrived.\n')
    }
    return run(engine, store, queue, id!, options, io)
  })
}

/** `saddle report` */
export function report(id: string | undefined, files: string[], options: CommonOptions, io: Io): Promise<ExitStatus> {
  for (const file of files) reportFormat(file)
  return withStore(io, async (store) => {
    if (id === undefined) return list(store, options, io)
    if (!(await store.bulks.get(id))) throw new SaddleError('NOT_FOUND', `There is no bulk migration ${id} in this store. See what there is with: saddle report`)
    if (files.length === 0) await show(store, id, options, io)
    for (const file of files) await writeReport(store, id, file)
    return exitStatus.done
  })
}

/** The bulk migrations that the store knows, newest first. */
async function list(store: MigrationStore, { json }: CommonOptions, io: Io): Promise<ExitStatus> {
  const { items } = await store.bulks.list({ limit: 500 })
  if (json) for (const bulk of items) io.stdout.write(`${escapedJson({ type: 'bulk', ...shown(bulk) })}\n`)
  else io.stdout.write(items.length > 0 ? bulkTable(items, styleOf(io.stdout, io.env)) : 'No bulk migrations.\n')
  return exitStatus.done
}

function showPlan(plan: BulkPlan, { json }: CommonOptions, io: Io, errors: boolean): ExitStatus {
  io.stdout.write(json ? `${escapedJson({ type: 'plan', ...plan })}\n` : planText(plan, styleOf(io.stdout, io.env)))
  if (errors) io.stderr.write(`${styleOf(io.stderr, io.env).colour.red('error:')} Nothing was started. Put right what is listed, and try again.\n`)
  return errors ? exitStatus.usage : exitStatus.done
}

/** Runs a bulk migration, here or by workers, shows it meanwhile, and writes what became of it. */
async function run(engine: MigrationEngine, store: MigrationStore, queue: JobQueue | undefined, id: string, options: BulkOptions, io: Io): Promise<ExitStatus> {
  const view = await progressView(io, options)
  const watching = new AbortController()
  const interrupted = () => view.note('Cancelling. A second Ctrl-C ends at once.')
  io.signal?.addEventListener('abort', interrupted, { once: true })
  view.note(`Bulk migration ${id}. Should this process end early: saddle bulk --resume ${id}`)
  let failure: unknown
  const watcher = watch(engine, id, view, queue !== undefined, watching.signal)
  try {
    if (queue) await byWorkers(engine, store, queue, id, view, io.signal)
    else {
      engine.on('progress', view.show)
      await engine.bulk.run(id, { signal: io.signal, concurrency: options.concurrency })
    }
  } catch (error) {
    failure = error
  } finally {
    watching.abort()
    await watcher
    io.signal?.removeEventListener('abort', interrupted)
    view.stop()
  }
  const record = await show(store, id, options, io)
  for (const file of options.report ?? []) await writeReport(store, id, file)
  const status = failure === undefined ? exitStatus.done : reportFailure(failure, io, { debug: options.debug })
  if (record.counts.completed < record.counts.total) io.stderr.write(`Go on with: saddle bulk --${isFinal(record.status) ? 'retry' : 'resume'} ${id}\n`)
  return status === exitStatus.done ? outcomeStatus(record) : status
}

function outcomeStatus({ counts: { total, completed } }: BulkRecord): ExitStatus {
  return completed === total ? exitStatus.done : completed > 0 ? exitStatus.partly : exitStatus.failed
}

/** Leaves the work to the workers of the cluster and waits for its end. */
async function byWorkers(engine: MigrationEngine, store: MigrationStore, queue: JobQueue, id: string, view: ProgressView, signal: AbortSignal | undefined): Promise<void> {
  await enqueueBulk(queue, store, id)
  const waiting = setTimeout(() => view.note('Waiting for a worker. Start one, on this machine or another, with: saddle worker'), silence)
  const cancel = () => void engine.bulk.cancel(id).catch(() => undefined)
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    for await (const event of engine.bulk.events(id, { follow: true })) {
      if (event.type === 'bulk-status' && event.bulk.startedAt !== undefined) clearTimeout(waiting)
    }
    if (signal?.aborted) throw new SaddleError('ABORTED', 'The bulk migration was cancelled.')
  } finally {
    clearTimeout(waiting)
    signal?.removeEventListener('abort', cancel)
  }
}

/** Shows the whole, and with `remote` each migration that runs in another process. */
async function watch(engine: MigrationEngine, id: string, view: ProgressView, remote: boolean, signal: AbortSignal): Promise<void> {
  const followed = new Map<string, number>()
  const followers: Promise<void>[] = []
  const follow = async (migrationId: string, attempts: number): Promise<void> => {
    if ((followed.get(migrationId) ?? 0) >= attempts) return
    followed.set(migrationId, attempts)
    try {
      for await (const event of engine.events(migrationId, { follow: true, signal })) view.show(event)
    } catch {
      // The view is for looking at; what fails here fails the run itself.
    }
  }
  try {
    for await (const event of engine.bulk.events(id, { follow: true, signal })) {
      if (event.type === 'bulk-status') view.total(event.bulk)
      else if (remote && event.item.status === 'in_progress') followers.push(follow(event.item.migrationId, event.item.attempts))
    }
  } catch {
    // Ended by the end of the run, or by a store that the run will tell of.
  }
  await Promise.all(followers)
}

async function show(store: MigrationStore, id: string, { json }: CommonOptions, io: Io): Promise<BulkRecord> {
  const items: BulkItem[] = []
  for await (const item of bulkItems(store.bulks, id)) items.push(item)
  const record = shown((await store.bulks.get(id))!)
  io.stdout.write(json ? `${escapedJson({ type: 'report', ...record, items })}\n` : bulkText(record, items, styleOf(io.stdout, io.env)))
  return record
}

async function requestOf(project: string | undefined, options: BulkOptions): Promise<BulkRequest> {
  const { map, to, include, exclude, visibility, existing, force, prune, archived } = options
  if ((project === undefined) === (map === undefined)) {
    throw new SaddleError('INVALID_INPUT', 'Say what to move: a project, or a CSV file with --map (or an earlier bulk migration with --resume or --retry).')
  }
  if (project !== undefined && to === undefined) throw new SaddleError('INVALID_INPUT', 'Say where to with --to and an organisation or user.', { context: { option: '--to' } })
  return {
    ...(project === undefined ? { map: await textOf(map!, '--map') } : { source: { project, archived, ...(include ? { include } : {}), ...(exclude ? { exclude } : {}) } }),
    target: { ...(to === undefined ? {} : { owner: to }), ...(visibility ? { visibility } : {}), ...(existing ? { existing } : {}) },
    options: { ...(force ? { force } : {}), ...(prune ? { prune } : {}) },
  }
}
