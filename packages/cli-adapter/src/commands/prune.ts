import { withStore } from '../engine.ts'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { PruneOptions } from '../options.ts'
import { counted, moment } from '../render/format.ts'

/** `saddle prune` */
export function prune({ olderThan, json }: PruneOptions, io: Io): Promise<ExitStatus> {
  return withStore(io, async (store) => {
    const before = new Date(Date.now() - olderThan)
    const forgotten = await store.prune(before)
    const text = `Forgot ${counted(forgotten, 'migration')}, and bulk migrations, that ended before ${moment(before.toISOString())}.`
    io.stdout.write(json ? `${escapedJson({ type: 'report', before: before.toISOString(), forgotten })}\n` : `${text}\n`)
    return exitStatus.done
  })
}
