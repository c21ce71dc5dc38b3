import { SaddleError, type MigrationEngine, type MigrationReport, type MigrationRecord } from '@saddle/core'
import { openEngine } from '../engine.ts'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import { reportFailure } from '../failure.ts'
import type { Io } from '../io.ts'
import type { CommonOptions, MigrateOptions } from '../options.ts'
import { progressView } from '../render/progress.ts'
import { lossLines, reportTable } from '../render/report.ts'
import { styleOf } from '../render/style.ts'
import { requestOf } from '../request.ts'

/** `saddle migrate` */
export function migrate(source: string, options: MigrateOptions, io: Io): Promise<ExitStatus> {
  const request = requestOf(source, options)
  return follow(options, io, (engine) => engine.migrate(request, { signal: io.signal }))
}

/** `saddle retry` */
export function retry(id: string, options: CommonOptions, io: Io): Promise<ExitStatus> {
  return follow(options, io, (engine) => engine.resume(id, { signal: io.signal }))
}

/** Shows a migration while it runs, and what became of it. */
async function follow(options: CommonOptions, io: Io, start: (engine: MigrationEngine) => Promise<MigrationReport>): Promise<ExitStatus> {
  const { engine, close } = await openEngine(io)
  const view = await progressView(io, options)
  try {
    engine.on('progress', (event) => view.show(event))
    const report = await start(engine)
    view.stop()
    show(report, options, io)
    return exitStatus.done
  } catch (thrown) {
    view.stop()
    const error = SaddleError.from(thrown)
    const id = error.context.migrationId
    const record = id === undefined ? undefined : await engine.get(id)
    if (record) show(record, options, io)
    const status = reportFailure(error, io, options)
    if (record && !options.json) io.stderr.write(`Go on with: saddle retry ${record.id}\n`)
    return record && isPartly(record) ? exitStatus.partly : status
  } finally {
    await close()
  }
}

function show(record: MigrationRecord, { json }: CommonOptions, io: Io): void {
  if (json) return void io.stdout.write(`${escapedJson({ type: 'report', report: record })}\n`)
  const style = styleOf(io.stdout, io.env)
  io.stdout.write(reportTable([record], style) + lossLines(record, style))
}

/** Some refs arrived and some were refused. */
const isPartly = ({ refs, status }: MigrationRecord): boolean =>
  status === 'failed' && refs !== undefined && refs.rejected.length > 0 && refs.created + refs.updated + refs.unchanged > 0
