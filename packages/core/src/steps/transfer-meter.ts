import type { TransferEvent } from '../events.ts'
import type { TransferProgress } from '../git/backend.ts'

const everyMs = 250
/** What an object takes in a pack where nothing better is known, in bytes; from large open-source histories. */
const usualObjectBytes = 600

/** Turns what a backend reports, as often as it likes, into at most four events a second, with rate and time left. */
export class TransferMeter {
  readonly #report: (event: TransferEvent) => void
  readonly #size: number | undefined
  readonly #now: () => number
  readonly #samples: { at: number; bytes: number }[] = []
  #phase: TransferProgress['phase'] | undefined
  #reportedAt = -Infinity
  #reportedBytes: number | undefined
  #totalObjects: number | undefined

  /** @param size - how many bytes the whole is known to have, for an estimate of what is left */
  constructor(report: (event: TransferEvent) => void, size: number | undefined, now = () => performance.now()) {
    this.#report = report
    this.#size = size
    this.#now = now
  }

  report(progress: TransferProgress): void {
    const at = this.#now()
    const isNew = progress.phase !== this.#phase
    const isWhole = progress.totalObjects !== undefined && progress.objects === progress.totalObjects
    if (isNew) this.#totalObjects = undefined
    this.#totalObjects = progress.totalObjects ?? this.#totalObjects
    // A phase's beginning and end are worth an event of their own, not a flood.
    if (at - this.#reportedAt < (isNew || isWhole ? everyMs / 5 : everyMs)) return
    this.#phase = progress.phase
    this.#reportedAt = at
    this.#report({ type: 'transfer', ...this.#measured(progress, at) })
  }

  /** What was sent in all, if the last report said something else: it may have been left out as one too many. */
  end(bytes: number, objects: number): void {
    if (bytes === 0 || bytes === this.#reportedBytes) return
    const phase = this.#phase === undefined || this.#phase === 'counting' ? 'streaming' : this.#phase
    this.#totalObjects = objects
    this.#report({ type: 'transfer', ...this.#measured({ phase, bytes, objects, share: 1 }, this.#now()) })
  }

  #measured(progress: TransferProgress, at: number): Omit<TransferEvent, 'type'> {
    const { phase, bytes, message } = progress
    this.#reportedBytes = bytes
    this.#samples.push({ at, bytes })
    while (this.#samples.length > 2 && at - (this.#samples[0]?.at ?? at) > 5000) this.#samples.shift()
    const oldest = this.#samples[0] ?? { at, bytes }
    const bytesPerSecond = at > oldest.at ? Math.round(((bytes - oldest.bytes) / (at - oldest.at)) * 1000) : 0
    const totalObjects = this.#totalObjects
    const share = this.#share(progress)
    const left = (phase === 'streaming' || phase === 'lfs') && share !== undefined && share > 0.02 ? (bytes / share) * (1 - share) : undefined
    return {
      phase,
      bytes,
      objects: share === undefined || totalObjects === undefined || progress.share !== undefined ? progress.objects : Math.floor(share * totalObjects),
      ...(totalObjects === undefined ? {} : { totalObjects }),
      bytesPerSecond,
      ...(left === undefined || bytesPerSecond <= 0 ? {} : { secondsLeft: Math.ceil(left / bytesPerSecond) }),
      ...(message === undefined ? {} : { message }),
    }
  }

  /** How much is done, 0 to 1. A pack is not decoded on its way, so while it streams its bytes have to tell. */
  #share({ phase, bytes, objects, share }: TransferProgress): number | undefined {
    if (share !== undefined) return share
    const total = this.#totalObjects
    if (!total) return undefined
    if (objects > 0 || phase !== 'streaming') return Math.min(1, objects / total)
    const expected = bytes / (this.#size ?? total * usualObjectBytes)
    // Beyond the estimate it approaches the end without reaching it.
    return expected < 0.8 ? expected : 1 - 0.2 * Math.exp(-(expected - 0.8) / 0.2)
  }
}
