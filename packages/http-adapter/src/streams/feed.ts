import { emptySnapshot, isFinal, reduce, SaddleError, type MigrationSnapshot, type MigrationStore } from '@saddle/core'
import { updateOf } from '../jobs/translate.ts'

/** An event of a stream, ready to be sent. Numbers begin at 1 and have no gaps. */
export interface Frame {
  readonly number: number
  /** JSON of one line. */
  readonly data: string
}

/** A feed remembers so many frames; who is further behind reads the store. */
const windowSize = 10_000

/**
 * What watchers see of a migration: how it began, then each event after which something looks different. The numbers are
 * the same each time, so that one is a place to go on from.
 */
async function* framesOf(store: MigrationStore, id: string, options: { follow: boolean; signal: AbortSignal }): AsyncGenerator<Frame> {
  let snapshot: MigrationSnapshot = emptySnapshot()
  let last = JSON.stringify(updateOf(snapshot))
  let number = 1
  yield { number, data: last }
  for await (const event of store.events(id, options)) {
    snapshot = reduce(snapshot, event)
    const data = JSON.stringify(updateOf(snapshot))
    if (data === last) continue
    last = data
    yield { number: ++number, data }
  }
  if (isFinal(snapshot.status)) return
  // A migration that could not even begin has no event that says so.
  const record = await store.getMigration(id)
  if (!record || !isFinal(record.status)) return
  const { status, error } = record
  yield { number: number + 1, data: JSON.stringify(updateOf({ ...snapshot, status, ...(error ? { error, message: error.message } : {}) })) }
}

/** One migration's frames for any number of watchers: the store is followed once, and each frame is made once. */
export class Feed {
  readonly #store: MigrationStore
  readonly #id: string
  readonly #stop = new AbortController()
  readonly #onFrame: () => void
  readonly #onEnd: () => void
  #frames: Frame[] = []
  #ended = false
  #failure: SaddleError | undefined
  readonly #waiting = new Set<() => void>()
  watchers = 0

  /** @param on - `frame`: called before a frame is handed out; `end`: when there is nothing more to come */
  constructor(store: MigrationStore, id: string, on: { frame: () => void; end: () => void }) {
    this.#store = store
    this.#id = id
    this.#onFrame = on.frame
    this.#onEnd = on.end
    void this.#follow()
  }

  /** The frames after the given number, until the migration's end; waits for those that are to come. */
  async *after(number: number, signal: AbortSignal): AsyncGenerator<Frame> {
    let last = number
    let wake = () => {}
    signal.addEventListener('abort', () => wake(), { once: true })
    while (!signal.aborted) {
      const first = this.#frames[0]?.number ?? 1
      if (last > 0 && last + 1 < first) {
        for await (const frame of framesOf(this.#store, this.#id, { follow: false, signal })) {
          if (frame.number <= last) continue
          yield frame
          last = frame.number
        }
        continue
      }
      const next = this.#frames[Math.max(0, last + 1 - first)]
      if (next) {
        yield next
        last = next.number
      } else if (this.#ended) {
        if (this.#failure) throw this.#failure
        return
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
          this.#waiting.add(resolve)
        })
      }
    }
  }

  /** Nobody watches any more. */
  close(): void {
    this.#stop.abort()
  }

  async #follow(): Promise<void> {
    try {
      for await (const frame of framesOf(this.#store, this.#id, { follow: true, signal: this.#stop.signal })) {
        this.#onFrame()
        this.#frames.push(frame)
        // A tenth at once, so that the array is not moved for every frame.
        if (this.#frames.length > windowSize * 1.1) this.#frames = this.#frames.slice(-windowSize)
        this.#wake()
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#failure = SaddleError.from(error, 'STORE_FAILED')
    }
    this.#ended = true
    this.#onEnd()
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

/** The feeds that somebody watches. */
export class Feeds {
  readonly #store: MigrationStore
  readonly #onFrame: (id: string) => void
  readonly #feeds = new Map<string, Feed>()

  /** @param onFrame - called before watchers of a migration are told something new */
  constructor(store: MigrationStore, onFrame: (id: string) => void) {
    this.#store = store
    this.#onFrame = onFrame
  }

  /** The frames of a migration after the given number. */
  async *watch(id: string, after: number, signal: AbortSignal): AsyncGenerator<Frame> {
    const feed = this.#feeds.get(id) ?? this.#open(id)
    feed.watchers++
    try {
      yield* feed.after(after, signal)
    } finally {
      if (--feed.watchers === 0) {
        feed.close()
        if (this.#feeds.get(id) === feed) this.#feeds.delete(id)
      }
    }
  }

  #open(id: string): Feed {
    // Who comes after the end finds a new one: by then the migration may have been started again.
    const feed: Feed = new Feed(this.#store, id, {
      frame: () => this.#onFrame(id),
      end: () => {
        if (this.#feeds.get(id) === feed) this.#feeds.delete(id)
      },
    })
    this.#feeds.set(id, feed)
    return feed
  }
}
