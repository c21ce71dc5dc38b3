import { sleep } from '@saddle/transport'
import type { BulkStore } from './store.ts'

const pageSize = 100
/** How soon to look again at a repository that somebody else works on, in milliseconds. */
const lookAgainMs = 1000

/**
 * The open items of a bulk migration in the order of work, for several who take from it. First those that a run before
 * left in the middle. A page at a time, so that memory does not grow with their number.
 */
export class ItemQueue {
  #ready: number[] = []
  #later: number[] = []
  #after = -1
  #stage: 'interrupted' | 'waiting' | 'end' = 'interrupted'
  #refilling: Promise<void> | undefined

  constructor(readonly store: BulkStore, readonly id: string) {}

  /** The next item; undefined when there is none left, or when the signal fires. */
  async next(signal: AbortSignal): Promise<number | undefined> {
    while (!signal.aborted) {
      const index = this.#ready.shift()
      if (index !== undefined) return index
      if (this.#stage !== 'end') await (this.#refilling ??= this.#refill())
      else if (this.#later.length === 0) return undefined
      else {
        const again = this.#later.splice(0)
        await sleep(lookAgainMs, signal).catch(() => undefined)
        this.#ready.push(...again)
      }
    }
    return undefined
  }

  /** Puts an item back for later. */
  again(index: number): void {
    this.#later.push(index)
  }

  async #refill(): Promise<void> {
    try {
      const status = this.#stage === 'interrupted' ? 'in_progress' : 'pending'
      const page = await this.store.items(this.id, { status: [status], after: this.#after, limit: pageSize })
      this.#ready.push(...page.map(({ index }) => index))
      this.#after = page.at(-1)?.index ?? this.#after
      if (page.length === pageSize) return
      this.#stage = this.#stage === 'interrupted' ? 'waiting' : 'end'
      this.#after = -1
    } finally {
      this.#refilling = undefined
    }
  }
}
