import { openStore } from '../engine.ts'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'
import { eventText } from '../render/event-text.ts'
import { moment } from '../render/format.ts'
import { styleOf } from '../render/style.ts'

/** `saddle logs` */
export async function logs(id: string, { json, follow = false }: CommonOptions & { follow?: boolean }, io: Io): Promise<ExitStatus> {
  const store = await openStore(io)
  const style = styleOf(io.stdout, io.env)
  try {
    for await (const event of store.events(id, { follow, ...(io.signal ? { signal: io.signal } : {}) })) {
      if (json) io.stdout.write(`${escapedJson(event)}\n`)
      else {
        const text = eventText(event, style)
        if (text !== undefined) io.stdout.write(`${style.colour.dim(moment(event.at))} ${text}\n`)
      }
    }
    return exitStatus.done
  } finally {
    await store.close()
  }
}
