/** Wakes those who wait for something to change under a key, within this process. */
export class Watches {
  readonly #watches = new Map<string, Set<Watch>>()

  /** Something under the key changed. */
  changed(key: string): void {
    for (const watch of this.#watches.get(key) ?? []) watch.notify()
  }

  /** Everything changed: nothing will change any more. */
  changedAll(): void {
    for (const key of this.#watches.keys()) this.changed(key)
  }

  /** Starts to watch; changes from now on are not missed, even while nobody waits. */
  watch(key: string): Watch {
    const watches = this.#watches.get(key) ?? new Set()
    this.#watches.set(key, watches)
    const watch = new Watch(() => {
      watches.delete(watch)
      if (watches.size === 0 && this.#watches.get(key) === watches) this.#watches.delete(key)
    })
    watches.add(watch)
    return watch
  }
}

/** One reader's view of a key. */
export class Watch {
  readonly #stop: () => void
  #dirty = false
  #wake: (() => void) | undefined

  constructor(stop: () => void) {
    this.#stop = stop
  }

  /** Records a change and wakes the reader. */
  notify(): void {
    this.#dirty = true
    this.#wake?.()
  }

  /** Resolves at the next change, the first one since the last call, an abort, or after `timeoutMs`. */
  async change(options: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined }): Promise<void> {
    const { signal, timeoutMs } = options
    if (!this.#dirty && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const timer = timeoutMs === undefined ? undefined : setTimeout(() => wake(), timeoutMs)
        const wake = () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        this.#wake = wake
        signal?.addEventListener('abort', wake, { once: true })
      })
    }
    this.#wake = undefined
    this.#dirty = false
  }

  /** Stops watching. */
  close(): void {
    this.#stop()
  }
}
