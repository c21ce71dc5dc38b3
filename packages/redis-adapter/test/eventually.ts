import { setTimeout as sleep } from 'node:timers/promises'

/** Looks again until the answer is there; for what another process or a clock brings about. */
export async function eventually<T>(look: () => Promise<T | undefined> | T | undefined, timeoutMs = 20_000): Promise<T> {
  const end = Date.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`nothing within ${timeoutMs} ms`)
    await sleep(10)
  }
}
