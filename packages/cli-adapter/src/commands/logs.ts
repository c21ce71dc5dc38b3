import { withStore } from '../engine.ts'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { LogsOptions } from '../options.ts'
import { eventText } from '../render/event-text.ts'
import { fold } from '../render/fold.ts'
import { moment } from '../render/format.ts'
import { styleOf } from '../render/style.ts'

/** `saddle logs`; with `--follow` until the migration ends, whichever process runs it. */
export function logs(id: string, { json, follow = false }: LogsOptions, io: Io): Promise<ExitStatus> {
  const style = styleOf(io.stdout, io.env)
  return withStore(io, async (store) => {
    for await (const event of store.events(id, { follow, ...(io.signal ? { signal: io.signal } : {}) })) {
      const text = json ? escapedJson(event) : eventText(event, style)
      if (text !== undefined) io.stdout.write(json ? `${text}\n` : fold(`${style.colour.dim(moment(event.at))} ${text}\n`, style))
    }
    return exitStatus.done
  })
}
