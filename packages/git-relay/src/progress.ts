import { parseProgressLine, RemoteText } from './remote-text.ts'

/** What a relay is doing, in the order in which it happens. */
export type RelayPhase = 'counting' | 'compressing' | 'transferring' | 'resolving'

/** A sign of life of a relay. JSON-safe; texts are sanitised and redacted. */
export interface RelayProgress {
  /** `counting` and `compressing` happen at the source, `resolving` at the target. */
  phase: RelayPhase
  /** Bytes of the pack that have gone to the target so far. */
  bytes: number
  /** Objects dealt with in this phase. Packs are not decoded: while transferring it is 0, and the total at the end. */
  objects: number
  /** Objects that the phase will deal with, once known. */
  totalObjects?: number
  /** A line that the source wrote for people. What the target writes is in the result. */
  message?: string
}

/** Takes reports of progress. What it throws is not caught: guard it where that matters. */
export type OnProgress = (progress: RelayProgress) => void

/** Servers write a few lines; what writes without end is not kept. */
const mostMessages = 1000
const pauseMs = 100

/** Makes progress of what servers write for people and of the bytes that pass: at most ten reports a second, each phase's last always. */
export class ProgressReporter {
  /** What the target wrote for people, without progress. */
  readonly messages: string[] = []
  readonly #onProgress: OnProgress
  readonly #source: RemoteText
  readonly #target: RemoteText
  #phase: RelayPhase = 'counting'
  #bytes = 0
  #reportedAt = -Infinity

  /** @param redact - removes the secrets of both sides from what the servers write */
  constructor(onProgress: OnProgress | undefined, redact: (text: string) => string) {
    this.#onProgress = onProgress ?? (() => undefined)
    this.#source = new RemoteText((line) => this.#takeSourceLine(redact(line)))
    this.#target = new RemoteText((line) => this.#takeTargetLine(redact(line)))
  }

  /** Takes a piece of the source's text. */
  readonly ofSource = (bytes: Uint8Array): void => this.#source.push(bytes)

  /** Takes a piece of the target's text. */
  readonly ofTarget = (bytes: Uint8Array): void => this.#target.push(bytes)

  /** Bytes of the pack have gone to the target. */
  sent(bytes: number, totalObjects = 0): void {
    this.#bytes += bytes
    this.#report({ phase: 'transferring', objects: 0, totalObjects })
  }

  /** The pack has gone to the target as a whole. */
  allSent(totalObjects = 0): void {
    this.#report({ phase: 'transferring', objects: totalObjects, totalObjects })
  }

  /** Both servers have ended: takes the last line of each, which need not end in a newline. */
  end(): void {
    this.#source.end()
    this.#target.end()
  }

  #takeSourceLine(line: string): void {
    const progress = parseProgressLine(line)
    if (progress) this.#report(progress)
    else this.#onProgress({ phase: this.#phase, bytes: this.#bytes, objects: 0, message: line })
  }

  #takeTargetLine(line: string): void {
    const progress = parseProgressLine(line)
    if (progress) this.#report({ ...progress, phase: 'resolving' })
    else if (this.messages.length < mostMessages) this.messages.push(line)
  }

  #report(progress: { phase: RelayPhase; objects: number; totalObjects?: number }): void {
    const now = performance.now()
    const due = progress.phase !== this.#phase || progress.objects === progress.totalObjects || now - this.#reportedAt >= pauseMs
    if (!due) return
    this.#phase = progress.phase
    this.#reportedAt = now
    this.#onProgress({ ...progress, bytes: this.#bytes })
  }
}
