import { Readable } from 'node:stream'
import { SeededRandom } from '../random.ts'
import { LfsStore, pointerOf, type LfsObject } from './store.ts'

/** Content of an LFS object: bytes or text as given, or so many bytes of a seeded generator. */
export type LfsContent = string | Buffer | { readonly size: number; readonly random?: string | number }

/** An LFS object that is on the server, and the pointer file that stands for it in git. */
export interface StoredLfsObject extends LfsObject {
  readonly pointer: string
}

/** Stores an object in the folder of a bare repository. */
export async function storeLfsObject(repository: string, content: LfsContent): Promise<StoredLfsObject> {
  const object = await new LfsStore(repository).write(Readable.from(chunksOf(content), { objectMode: false }))
  return { ...object!, pointer: pointerOf(object!) }
}

function* chunksOf(content: LfsContent): Iterable<Buffer> {
  if (typeof content === 'string' || Buffer.isBuffer(content)) {
    yield Buffer.from(content)
    return
  }
  const random = new SeededRandom(content.random ?? content.size)
  for (let left = content.size; left > 0; left -= 1 << 20) yield random.bytes(Math.min(left, 1 << 20))
}
