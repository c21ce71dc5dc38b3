import { openEngine } from '../engine.ts'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'

/** `saddle cancel` */
export async function cancel(id: string, { json }: CommonOptions, io: Io): Promise<ExitStatus> {
  const { engine, close } = await openEngine(io)
  try {
    const cancelled = await engine.cancel(id)
    const text = cancelled ? 'It is asked to stop.' : 'It had ended already.'
    io.stdout.write(json ? `${escapedJson({ type: 'cancel', id, cancelled })}\n` : `${text}\n`)
    return exitStatus.done
  } finally {
    await close()
  }
}
