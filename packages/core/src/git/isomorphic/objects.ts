import type * as NodeFs from 'node:fs'
import { SaddleError } from '@saddle/transport'
import type * as IsomorphicGit from 'isomorphic-git'
import type { PromiseFsClient } from 'isomorphic-git'
import type { CommitGraph } from '../steps.ts'

type Library = typeof IsomorphicGit

/** @throws SaddleError `BACKEND_UNAVAILABLE` when the package is not there */
export async function loadLibrary(): Promise<Library> {
  return import('isomorphic-git').catch((cause: unknown) => {
    throw new SaddleError(
      'BACKEND_UNAVAILABLE',
      'The isomorphic git backend needs the package isomorphic-git, which is not installed. Install it: npm install isomorphic-git@1.44.11',
      { cause },
    )
  })
}

/** The objects of one pack, as isomorphic-git reads them. Refs never reach it: what it is asked for are object ids. */
export class PackedObjects {
  readonly #library: Library
  readonly #fs: PromiseFsClient
  readonly #gitdir: string
  readonly #cache = {}
  readonly #oids: ReadonlySet<string>

  private constructor(library: Library, fs: PromiseFsClient, gitdir: string, oids: ReadonlySet<string>) {
    this.#library = library
    this.#fs = fs
    this.#gitdir = gitdir
    this.#oids = oids
  }

  /**
   * Stores a pack and reads it once as a whole, every object's name included.
   *
   * @param count - how many objects it says it holds
   * @throws SaddleError `PACK_CORRUPT`
   */
  static async store(library: Library, fs: PromiseFsClient, gitdir: string, pack: Uint8Array, count: number): Promise<PackedObjects> {
    const filepath = 'objects/pack/pack-saddle.pack'
    const { promises } = fs as unknown as typeof NodeFs
    for (const folder of ['objects', 'objects/pack']) await promises.mkdir(`${gitdir}/${folder}`)
    await promises.writeFile(`${gitdir}/${filepath}`, pack)
    const { oids } = await library.indexPack({ fs, dir: gitdir, gitdir, filepath, cache: {} }).catch((error: unknown) => {
      throw corrupt(error)
    })
    if (oids.length !== count) throw corrupt(undefined)
    return new PackedObjects(library, fs, gitdir, new Set(oids))
  }

  /** The commits of the pack that the tips lead to. Parents outside of the pack are at the target. */
  async graph(tips: readonly string[]): Promise<CommitGraph> {
    const graph = new Map<string, readonly string[]>()
    await this.#walk(tips, new Set(), (oid, links, type) => {
      if (type === 'commit') graph.set(oid, links.slice(1))
    }, (type) => type !== 'tree')
    return graph
  }

  /** A pack with everything that the tips lead to, within this one, but nothing that was sent. Without deltas. */
  async pack(tips: readonly string[], sent: ReadonlySet<string>): Promise<{ pack: Uint8Array; oids: string[] }> {
    const oids: string[] = []
    await this.#walk(tips, sent, (oid) => oids.push(oid), () => true)
    const { packfile } = await this.#library.packObjects({ fs: this.#fs, gitdir: this.#gitdir, oids, write: false, cache: this.#cache })
    return { pack: packfile ?? new Uint8Array(), oids }
  }

  async #walk(
    tips: readonly string[],
    without: ReadonlySet<string>,
    take: (oid: string, links: readonly string[], type: string) => void,
    into: (type: string) => boolean,
  ): Promise<void> {
    const seen = new Set<string>()
    const stack = [...tips]
    for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
      if (seen.has(oid) || without.has(oid) || !this.#oids.has(oid)) continue
      seen.add(oid)
      const { type, object } = await this.#library.readObject({ fs: this.#fs, gitdir: this.#gitdir, oid, format: 'content', cache: this.#cache })
      const links = into(type) ? linksOf(type, Buffer.from(object as Uint8Array)) : []
      take(oid, links, type)
      stack.push(...links)
    }
  }
}

/**
 * What an object leads to: for a commit its tree, then its parents. Read from the bytes, as names of files mean nothing
 * here and may be anything.
 */
function linksOf(type: string, data: Buffer): string[] {
  if (type === 'tree') {
    const links: string[] = []
    for (let at = 0; at < data.length; ) {
      const end = data.indexOf(0, at)
      // A commit of another repository (a submodule) is not here.
      if (!data.subarray(at, at + 7).equals(Buffer.from('160000 '))) links.push(data.toString('hex', end + 1, end + 21))
      at = end + 21
    }
    return links
  }
  if (type === 'blob') return []
  const head = data.toString('latin1', 0, data.indexOf('\n\n') < 0 ? data.length : data.indexOf('\n\n'))
  return [...head.matchAll(/^(?:tree|parent|object) ([0-9a-f]{40})$/gm)].map(([, oid]) => oid!)
}

const corrupt = (cause: unknown) =>
  new SaddleError('PACK_CORRUPT', 'What the source sent is not a sound pack; no ref was moved. Run again; if it stays, run "git fsck --full" on the source repository.', {
    cause,
    retryable: true,
  })
