import type { ProgressEvent, ProgressEventBody } from './events.ts'
import { isFinal, type MigrationChange } from './record.ts'
import { reduce, type MigrationSnapshot } from './snapshot.ts'
import type { Fence, MigrationStore } from './store/store.ts'

/** How long events wait to be stored together, in milliseconds. */
const gatherMs = 150

/** What a {@link RunLog} needs. */
export interface RunLogOptions {
  store: MigrationStore
  id: string
  fence: Fence
  /** All events of earlier runs, folded; numbering goes on from there. */
  snapshot: MigrationSnapshot
  /** Takes secrets out of what leaves the process. */
  redact: <T>(value: T) => T
  emit: (event: ProgressEvent) => void
  /** The store failed while nobody was waiting for it: the run cannot go on. */
  onFailure: (error: unknown) => void
}

/**
 * What a run says: numbered, emitted at once, and stored in small batches, so that frequent events do not wait for the
 * disk. {@link flush} is the point at which everything is durable.
 */
export class RunLog {
  readonly #options: RunLogOptions
  #snapshot: MigrationSnapshot
  #events: ProgressEvent[] = []
  #change: MigrationChange = {}
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: RunLogOptions) {
    this.#options = options
    this.#snapshot = options.snapshot
  }

  /** All events so far, folded. */
  get snapshot(): MigrationSnapshot {
    return this.#snapshot
  }

  /** Reports an event. */
  report(body: ProgressEventBody): void {
    const { id: migrationId, redact, emit } = this.#options
    const event: ProgressEvent = {
      migrationId,
      seq: this.#snapshot.seq + 1,
      at: new Date().toISOString(),
      ...redact(body),
    }
    this.#snapshot = reduce(this.#snapshot, event)
    this.#events.push(event)
    this.#schedule()
    emit(event)
  }

  /** Notes a change of the record; stored with the events before and after it. */
  change(change: MigrationChange): void {
    Object.assign(this.#change, change)
    this.#schedule()
  }

  /** Stores everything reported so far. Events come before a final status, so that it means that all are there. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const write = this.#writing.then(() => this.#write())
    this.#writing = write.catch(() => undefined)
    return write
  }

  /** Ends without storing what is left: the store cannot take it, or somebody else continues the migration. */
  async abandon(): Promise<void> {
    clearTimeout(this.#timer)
    this.#events = []
    this.#change = {}
    await this.#writing
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.flush().catch((error: unknown) => this.#options.onFailure(error))
    }, gatherMs)
  }

  async #write(): Promise<void> {
    const { store, id, fence, redact } = this.#options
    const events = this.#events
    const { percentage, step, bytes, objects, totalObjects, message } = this.#snapshot
    const progress = {
      percentage, bytes, objects, message, ...(step ? { step } : {}), ...(totalObjects === undefined ? {} : { totalObjects }),
    }
    const change: MigrationChange = { ...redact(this.#change), progress }
    this.#events = []
    this.#change = {}
    const appended = events.length > 0 ? store.appendEvents(id, events, fence) : Promise.resolve()
    if (change.status !== undefined && isFinal(change.status)) await appended
    await Promise.all([appended, store.updateMigration(id, change, fence)])
  }
}
