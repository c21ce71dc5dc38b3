/** Runs tasks in the order they came, a bounded number at once. A task reports its own failures; here they are dropped. */
export class Queue {
  readonly #concurrency: number
  readonly #waiting: (() => Promise<void>)[] = []
  #running = 0
  #closed = false
  #idle: (() => void)[] = []

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  add(task: () => Promise<void>): void {
    if (this.#closed) return
    this.#waiting.push(task)
    this.#next()
  }

  /** Drops what waits, and takes no more. */
  close(): void {
    this.#closed = true
    this.#waiting.length = 0
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    if (this.#running > 0 || this.#waiting.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #next(): void {
    while (this.#running < this.#concurrency) {
      const task = this.#waiting.shift()
      if (!task) break
      this.#running++
      void task()
        .catch(() => undefined)
        .finally(() => {
          this.#running--
          this.#next()
        })
    }
    if (this.#running === 0 && this.#waiting.length === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
