import type { RefUpdate } from '@saddle/git-relay'
import type { GitTransfer } from '../backend.ts'
import { NativeRepository } from '../native/repository.ts'
import { PointerSet } from './find.ts'
import { pointerSizeLimit, type LfsObject } from './pointer.ts'

/** Files read by one command; their names are held in memory for that. */
const filesAtOnce = 20_000

/**
 * Finds the Git LFS objects that histories point to where the source sends whole histories only: in a bare clone, which
 * needs the git program and as much room on the disk as the repository takes; it is removed afterwards.
 *
 * @throws BACKEND_UNAVAILABLE when there is no git; what fetching throws
 */
export async function findPointersInClone(
  transfer: GitTransfer,
  updates: readonly Extract<RefUpdate, { newOid: string }>[],
  { signal }: { signal?: AbortSignal } = {},
): Promise<LfsObject[]> {
  const repository = await NativeRepository.open(transfer)
  try {
    await repository.fetch(updates, { ...(signal ? { signal } : {}) })
    const found = new PointerSet()
    const small = await smallFiles(repository, signal)
    for (let at = 0; at < small.length; at += filesAtOnce) {
      const reader = new CatFileReader((blob) => found.add(blob))
      const stdin = small.slice(at, at + filesAtOnce).join('\n') + '\n'
      for await (const chunk of repository.stream(['cat-file', '--batch', '--buffer'], { stdin, signal })) reader.add(chunk)
    }
    return found.objects()
  } finally {
    await repository.remove()
  }
}

async function smallFiles(repository: NativeRepository, signal: AbortSignal | undefined): Promise<string[]> {
  const small: string[] = []
  const args = ['cat-file', '--batch-all-objects', '--unordered', '--batch-check=%(objecttype) %(objectsize) %(objectname)']
  for await (const lines of repository.lines(args, { signal })) {
    for (const line of lines) {
      const [type, size, oid] = line.split(' ')
      if (type === 'blob' && oid !== undefined && Number(size) < pointerSizeLimit) small.push(oid)
    }
  }
  return small
}

/** Takes the output of `git cat-file --batch` apart: a line `oid SP type SP size`, the content, a line end. */
class CatFileReader {
  readonly #onContent: (content: Buffer) => void
  #rest: Buffer = Buffer.alloc(0)

  constructor(onContent: (content: Buffer) => void) {
    this.#onContent = onContent
  }

  add(chunk: Buffer): void {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    for (;;) {
      const lineEnd = bytes.indexOf('\n')
      if (lineEnd < 0) break
      const size = Number(bytes.toString('latin1', 0, lineEnd).split(' ')[2])
      const end = lineEnd + 1 + size
      if (bytes.length < end + 1) break
      this.#onContent(bytes.subarray(lineEnd + 1, end))
      bytes = bytes.subarray(end + 1)
    }
    this.#rest = bytes
  }
}
