import { canFilter, fetchFiltered, readPack, type ObjectFormat } from '@saddle/git-relay'
import { retry, SaddleError, type GitRemote, type RetryOptions } from '@saddle/transport'
import { parsePointer, pointerSizeLimit, type LfsObject } from './pointer.ts'

/** Where to look for pointers. */
export interface PointerSearch {
  source: GitRemote
  objectFormat: ObjectFormat
  /** Tips whose whole history is searched. */
  wants: readonly string[]
  /** Tips whose history is left out. */
  haves?: readonly string[]
  retry?: RetryOptions
  signal?: AbortSignal | undefined
}

/**
 * What brings every file that can be a pointer, and little else. Servers older than git 2.32 cannot leave out what is no
 * file, so that their trees and commits come along.
 */
const filters = [`combine:object:type=blob+blob:limit=${pointerSizeLimit}`, `blob:limit=${pointerSizeLimit}`]

/** Failures that say that the source cannot be asked in this way, not that it failed. */
const unsuitable = new Set(['UPSTREAM_ERROR', 'PROTOCOL_ERROR', 'PACK_TOO_LARGE', 'CONFLICT'])
const attempts = 3
/** What may be kept of the small files for those that are stored as their difference to others, in bytes. */
const memoryLimit = 12 * 1024 * 1024

/**
 * Finds the Git LFS objects that histories point to: the source sends their small files alone, which are looked at as they
 * stream by and not kept. Memory grows with the number of objects found, about 200 bytes each.
 *
 * @returns the objects, each once; undefined when the source cannot leave out files (protocol version 0, no filters)
 */
export async function findPointers(search: PointerSearch): Promise<LfsObject[] | undefined> {
  const { source, wants, signal } = search
  if (wants.length === 0) return []
  if (!(await canFilter(source, { signal }))) return undefined
  for (const filter of filters) {
    try {
      return await retry(() => searchWith(filter, search), { ...search.retry, attempts, signal })
    } catch (thrown) {
      if (!unsuitable.has(SaddleError.from(thrown).code)) throw thrown
    }
  }
  return undefined
}

async function searchWith(filter: string, { source, objectFormat, wants, haves = [], signal }: PointerSearch): Promise<LfsObject[]> {
  const found = new PointerSet()
  const pack = fetchFiltered(source, { objectFormat, wants, haves, filter }, { signal })
  try {
    for await (const { type, data } of readPack(pack, { objectFormat, memoryLimit })) if (type === 'blob') found.add(data)
  } catch (thrown) {
    const error = SaddleError.from(thrown)
    // A filter that it does not know is refused again; only what broke off is worth another try.
    if (error.code === 'UPSTREAM_ERROR') throw new SaddleError(error.code, error.message, { cause: error, retryable: false, context: error.context })
    throw thrown
  }
  return found.objects()
}

/** Objects that pointers name, each once. */
export class PointerSet {
  readonly #sizes = new Map<string, number>()

  /** Takes note of the object if a file is a pointer. */
  add(blob: Uint8Array): void {
    const pointer = parsePointer(blob)
    if (pointer && !this.#sizes.has(pointer.oid)) this.#sizes.set(pointer.oid, pointer.size)
  }

  objects(): LfsObject[] {
    return Array.from(this.#sizes, ([oid, size]) => ({ oid, size }))
  }
}
