import { withEngine } from '../engine.ts'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'

/** `saddle cancel` */
export function cancel(id: string, { json }: CommonOptions, io: Io): Promise<ExitStatus> {
  return withEngine(io, async (engine) => {
    const asked = await engine.cancel(id)
    const status = (await engine.get(id))?.status
    const text = !asked ? `It had ended already: ${status}.` : status === 'cancelled' ? 'Cancelled.' : 'The process that runs it was asked to stop; it does so within seconds.'
    io.stdout.write(json ? `${escapedJson({ type: 'report', id, asked, status })}\n` : `${text}\n`)
    return exitStatus.done
  })
}
