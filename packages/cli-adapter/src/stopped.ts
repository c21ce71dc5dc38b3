import { once } from 'node:events'
import type { Io } from './io.ts'

/** Waits until the command is told to stop; for ever where nobody can. */
export async function stopped({ signal }: Io): Promise<void> {
  if (signal?.aborted) return
  await once(signal ?? new EventTarget(), 'abort')
}
