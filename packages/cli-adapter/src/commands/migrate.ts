import { SaddleError, type MigrationEngine, type MigrationRecord, type MigrationReport } from '@saddle/core'
import { withEngine } from '../engine.ts'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import { reportFailure } from '../failure.ts'
import type { Io } from '../io.ts'
import type { CommonOptions, MigrateOptions } from '../options.ts'
import { fold } from '../render/fold.ts'
import { progressView } from '../render/progress.ts'
import { reportText } from '../render/report.ts'
import { styleOf } from '../render/style.ts'
import { requestOf } from '../request.ts'

/** Milliseconds without a word after which somebody who waits is told what for. */
const silence = 2000

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
function follow(options: CommonOptions, io: Io, start: (engine: MigrationEngine) => Promise<MigrationReport>): Promise<ExitStatus> {
  return withEngine(io, async (engine) => {
    const view = await progressView(io, options)
    const interrupted = () => view.note('Cancelling. A second Ctrl-C ends at once.')
    io.signal?.addEventListener('abort', interrupted, { once: true })
    // Nothing is reported until the target is free, which takes as long as the lease of a run that was killed.
    const waiting = setTimeout(() => view.note('Waiting until the target is free: another run works on it, or one was killed moments ago.'), silence)
    engine.once('progress', () => clearTimeout(waiting))
    engine.on('progress', view.show)
    try {
      const report = await start(engine)
      view.stop()
      show(report, options, io)
      return exitStatus.done
    } catch (thrown) {
      view.stop()
      const error = SaddleError.from(thrown)
      const id = error.context.migrationId
      // The store may be what failed; then the error is all there is to say.
      const record = id === undefined ? undefined : await engine.get(id).catch(() => undefined)
      if (!record || error.code === 'MIGRATION_RUNNING') return reportFailure(error, io, options)
      show(record, options, io)
      const status = reportFailure(error, io, { debug: options.debug })
      io.stderr.write(`Go on with: saddle retry ${record.id}\n`)
      return isPartly(record) ? exitStatus.partly : status
    } finally {
      clearTimeout(waiting)
      io.signal?.removeEventListener('abort', interrupted)
      view.stop()
    }
  })
}

function show(record: MigrationRecord, { json }: CommonOptions, io: Io): void {
  const style = styleOf(io.stdout, io.env)
  io.stdout.write(json ? `${escapedJson({ type: 'report', ...record })}\n` : fold(reportText(record, style), style))
}

/** Some refs were refused, and the others are there. */
function isPartly({ refs }: MigrationRecord): boolean {
  return refs !== undefined && refs.rejected.length > 0 && refs.created + refs.updated + refs.unchanged + refs.deleted > 0
}
