import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'
import { abortError, retry, SaddleError, type GitRemote, type RetryOptions } from '@saddle/transport'
import { batchesOf } from './batch.ts'
import { tasksOf, type LfsTask } from './links.ts'
import type { LfsObject } from './pointer.ts'
import { LinkSender } from './send.ts'
import { DamagedObjectError, DownloadRefusedError, streamObject } from './stream.ts'

/** Options of {@link transferLfsObjects}. */
export interface LfsTransferOptions {
  source: GitRemote
  target: GitRemote
  /** Every object that the refs to be moved need; each oid once. */
  objects: readonly LfsObject[]
  /** Objects under way at once. */
  concurrency?: number
  /** Patience with an object whose transfer broke off; its links are asked for anew each time, since they expire. */
  retry?: RetryOptions
  signal?: AbortSignal | undefined
  onProgress?: ((progress: LfsProgress) => void) | undefined
}

/** How far a transfer of objects is. */
export interface LfsProgress {
  /** Bytes that were sent. */
  bytes: number
  /** Objects that are done, one way or the other. */
  objects: number
  /** Bytes of all objects that are done or under way, for the share of the whole. */
  bytesDone: number
}

/** What became of the objects: each is counted once. */
export interface LfsTransferResult {
  transferred: number
  /** Bytes of the objects that were transferred. */
  bytes: number
  /** Objects that the target had already. */
  present: number
  /** Objects that the source itself does not have. */
  missing: LfsObject[]
  /** Objects that the source serves with other bytes than their name says. */
  damaged: LfsObject[]
}

const attempts = 4
/** Batches asked for at once: the links of the next are there when the objects of one are through. */
const batchesAtOnce = 2
/** Links that end sooner are not begun with, in milliseconds. */
const leastLife = 5000

/**
 * Streams Git LFS objects from server to server: no temporary file, memory that does not grow with them. The target says
 * what it has, so that a transfer that broke off anywhere is repeated and does what is left.
 *
 * @throws NOT_FOUND when the target has no Git LFS; ABORTED; what transport throws for what does not pass
 */
export async function transferLfsObjects(options: LfsTransferOptions): Promise<LfsTransferResult> {
  const { source, target, objects, concurrency = 16, onProgress } = options
  const failed = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal
  // Every object under way listens.
  setMaxListeners(0, signal)
  const senders = { source: new LinkSender(source), target: new LinkSender(target) }
  const result: LfsTransferResult = { transferred: 0, bytes: 0, present: 0, missing: [], damaged: [] }
  const progress: LfsProgress = { bytes: 0, objects: 0, bytesDone: 0 }

  /** One try, with the links at hand or with new ones. */
  const tryToMove = async (object: LfsObject, given: LfsTask | undefined): Promise<LfsTask | 'moved'> => {
    const usable = given && (typeof given === 'string' || given.expiresAt > Date.now() + leastLife)
    const task = usable ? given : (await tasksOf([object], source, target, signal)).get(object.oid)
    if (task === undefined || typeof task === 'string') return task ?? 'missing'
    let passed = 0
    try {
      const onBytes = (count: number) => {
        passed += count
        progress.bytes += count
        progress.bytesDone += count
        onProgress?.(progress)
      }
      await streamObject(object, task, { ...senders, signal, onBytes })
      return 'moved'
    } catch (error) {
      progress.bytesDone -= passed
      throw error
    }
  }

  const move = async (object: LfsObject, given: LfsTask | undefined): Promise<void> => {
    const outcome = await retry(
      async (attempt) => {
        try {
          return await tryToMove(object, attempt === 1 ? given : undefined)
        } catch (thrown) {
          const error = SaddleError.from(thrown)
          // A link that has ended is refused in one of these ways; whether that was all, a new one tells.
          if (attempt === 1 && mayHaveExpired.has(error.code)) {
            throw new SaddleError(error.code, error.message, { cause: error, retryable: true, context: error.context })
          }
          throw thrown
        }
      },
      { ...options.retry, attempts, signal },
    ).catch((error: unknown) => {
      if (error instanceof DamagedObjectError) return 'damaged'
      if (error instanceof DownloadRefusedError && error.code === 'NOT_FOUND') return 'missing'
      throw error
    })
    if (outcome === 'moved') {
      result.transferred++
      result.bytes += object.size
    } else {
      if (outcome === 'present') result.present++
      else result[outcome === 'damaged' ? 'damaged' : 'missing'].push(object)
      progress.bytesDone += object.size
    }
    progress.objects++
    onProgress?.(progress)
  }

  const [oneBatch, oneObject] = [pLimit(batchesAtOnce), pLimit(concurrency)]
  const moving = batchesOf(objects).map((batch) =>
    oneBatch(async () => {
      signal.throwIfAborted()
      const tasks = await tasksOf(batch, source, target, signal)
      await Promise.all(batch.map((object) => oneObject(() => move(object, tasks.get(object.oid)))))
    }).catch((error: unknown) => {
      // The first failure is the reason; what the others report follows from it.
      failed.abort(error)
    }),
  )
  await Promise.all(moving)
  if (options.signal?.aborted) throw abortError(options.signal)
  if (failed.signal.aborted) throw SaddleError.from(failed.signal.reason)
  return result
}

const mayHaveExpired = new Set(['AUTHENTICATION_FAILED', 'FORBIDDEN', 'NOT_FOUND'])
