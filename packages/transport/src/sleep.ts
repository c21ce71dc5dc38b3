import { setTimeout as delay } from 'node:timers/promises'
import { throwIfAborted } from './abort.ts'

/** The longest wait that a timer of Node can hold (about 25 days); it fires at once when given more. */
const longestTimer = 2 ** 31 - 1

/** Waits that many milliseconds, or until the signal fires: then it throws what `abortError` makes of that. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(Math.min(milliseconds, longestTimer), undefined, signal ? { signal } : {}).catch(() => throwIfAborted(signal))
}
