import { setImmediate } from 'node:timers/promises'
import { SaddleError } from '@saddle/transport'
import { PackMeter } from './pack-meter.ts'
import type { ProgressReporter } from './progress.ts'

/**
 * A pack on its way from the source to the target. It is measured and passed on piece by piece, each when the target
 * has room for it.
 *
 * The last piece is held back until the source has said that the pack is whole. So a target never gets a whole pack,
 * and moves no ref, when the source's answer breaks off, whatever the point.
 */
export class PassingPack implements AsyncIterable<Buffer> {
  readonly meter = new PackMeter()
  /** Why the source's side failed; a push that fails as a consequence is not the news. */
  failure: unknown
  readonly #pieces: AsyncGenerator<Buffer, void, void>
  readonly #limit: number
  readonly #progress: ProgressReporter
  #held: Buffer | undefined

  private constructor(pieces: AsyncGenerator<Buffer, void, void>, limit: number, progress: ProgressReporter) {
    this.#pieces = pieces
    this.#limit = limit
    this.#progress = progress
  }

  /**
   * Waits until the source begins to send: it may count objects for minutes, and a target drops requests that idle.
   *
   * @param limit - bytes beyond which the pack fails with `PACK_TOO_LARGE`
   */
  static async begin(pieces: AsyncGenerator<Buffer, void, void>, limit: number, progress: ProgressReporter): Promise<PassingPack> {
    const pack = new PassingPack(pieces, limit, progress)
    try {
      pack.#held = await pack.#take()
      return pack
    } catch (error) {
      pack.close()
      throw error
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    try {
      while (this.#held) {
        const next = await this.#take()
        // A target that refuses early answers, then hangs up. Its answer has to be read before a write fails and takes the
        // connection away: so each write waits for a turn of the event loop, which reads what has arrived.
        await setImmediate()
        yield this.#held
        this.#progress.sent(this.#held.length, this.meter.objects)
        this.#held = next
      }
      if (this.meter.objects === undefined) throw noPack()
      this.#progress.allSent(this.meter.objects)
    } catch (error) {
      this.failure = error
      throw error
    } finally {
      this.close()
    }
  }

  /** Ends the source's side, if it has not ended. */
  close(): void {
    this.#pieces.return().catch(() => undefined)
  }

  async #take(): Promise<Buffer | undefined> {
    const { done, value } = await this.#pieces.next()
    if (done) return undefined
    this.meter.add(value)
    if (this.meter.bytes <= this.#limit) return value
    throw new SaddleError(
      'PACK_TOO_LARGE',
      `The pack is larger than the ${this.#limit} bytes that the target takes in one push; it was broken off and no ref was ` +
        'moved. Transfer the history in steps.',
      { context: { limitBytes: this.#limit } },
    )
  }
}

const noPack = () => new SaddleError('PACK_CORRUPT', 'The source sent no pack where one was due; no ref was moved. Run `git fsck --full` on the source repository.')
