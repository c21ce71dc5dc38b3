import { setMaxListeners } from 'node:events'
import { abortError } from '@saddle/transport'

/** Ends with the signal, whatever the promise waits for. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  // One signal ends many requests by design; Node would take more than ten for a leak and say so. Not 0: Node 20's
  // getMaxListeners, which undici calls, does not recognise a signal that has it.
  setMaxListeners(Infinity, signal)
  let stop = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => { reject(abortError(signal)) }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
