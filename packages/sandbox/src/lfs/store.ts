import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, type ReadStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** An LFS object: the SHA-256 of its content, and its size in bytes. */
export interface LfsObject {
  readonly oid: string
  readonly size: number
}

/** The LFS objects of one repository, as files below its folder. */
export class LfsStore {
  readonly #folder: string

  /** @param repository folder of the bare repository */
  constructor(repository: string) {
    this.#folder = join(repository, 'lfs', 'objects')
  }

  /** Size of an object; undefined when it is not here. */
  async size(oid: string): Promise<number | undefined> {
    return stat(this.#path(oid)).then((file) => file.size, () => undefined)
  }

  /** Content of an object from a byte on. */
  read(oid: string, start = 0): ReadStream {
    return createReadStream(this.#path(oid), { start, highWaterMark: 256 * 1024 })
  }

  /**
   * Stores content as it streams in.
   * @param expected when given, content of another hash or length is thrown away, and undefined returned
   */
  async write(content: Readable, expected?: LfsObject): Promise<LfsObject | undefined> {
    const partial = join(this.#folder, `partial-${randomBytes(8).toString('hex')}`)
    await mkdir(this.#folder, { recursive: true })
    const hash = createHash('sha256')
    let size = 0
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        size += chunk.length
        done(null, chunk)
      },
    })
    try {
      await pipeline(content, measure, createWriteStream(partial))
    } catch (error) {
      await rm(partial, { force: true })
      throw error
    }
    const oid = hash.digest('hex')
    if (expected && (expected.oid !== oid || expected.size !== size)) {
      await rm(partial)
      return undefined
    }
    await mkdir(dirname(this.#path(oid)), { recursive: true })
    await rename(partial, this.#path(oid))
    return { oid, size }
  }

  /** Takes an object away. */
  async remove(oid: string): Promise<void> {
    await rm(this.#path(oid), { force: true })
  }

  #path(oid: string): string {
    return join(this.#folder, oid.slice(0, 2), oid.slice(2, 4), oid)
  }
}

/** Whether a text is the name of an object. */
export const isOid = (text: unknown): text is string => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text)

/** The file that stands for an object in git. */
export const pointerOf = ({ oid, size }: LfsObject): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`
