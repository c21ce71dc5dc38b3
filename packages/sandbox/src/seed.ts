import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { headBranch, listRefs, setHead } from './git/bare-repository.ts'
import type { Git } from './git/git.ts'
import { storeLfsObject } from './lfs/content.ts'
import { LfsStore } from './lfs/store.ts'
import { SeededRandom } from './random.ts'

/** What a new repository holds. */
export type Seed =
  | { /** A local repository, bare or not: all its branches, tags and notes are taken. */ readonly from: string }
  | GeneratedSeed
  | { /** No commit at all. */ readonly empty: true }

/** A history made up from a seeded random generator: the same options give the same hashes on every machine. */
export interface GeneratedSeed {
  /** Commits on the default branch. Each makes one commit, two trees and `filesPerCommit` blobs. */
  readonly commits: number
  /** Branches, the default branch included; every second of the others has a commit of its own. Default 1. */
  readonly branches?: number
  /** Tags, every second of them annotated. Default 0. */
  readonly tags?: number
  /** Whether there are notes on the last commit (`refs/notes/commits`). */
  readonly notes?: boolean
  /** Size in bytes of each blob, random and incompressible. By default a line of text. */
  readonly blobSize?: number
  /**
   * Whether blobs of `blobSize` are text, as source code is: it compresses, a change to a file replaces some lines, and
   * the pack holds deltas.
   */
  readonly text?: boolean
  /** Files changed by each commit. Default 1. */
  readonly filesPerCommit?: number
  /** More files, by path, added by the last commit. */
  readonly files?: Readonly<Record<string, string | Buffer>>
  /** Git LFS objects, named by commits of their own after the others, and stored beside the repository. */
  readonly lfs?: SeedLfs
  /** The random generator's seed. By default the repository's name. */
  readonly random?: string | number
}

/** Git LFS objects of a generated history. */
export interface SeedLfs {
  readonly count: number
  /** Bytes of each object, or the smallest and the largest. */
  readonly size: number | readonly [number, number]
  /** How many of them are named in git and not stored. Default 0. */
  readonly missing?: number
}

/** Fills a bare repository. `name` seeds the generator where the seed itself does not. */
export async function plantSeed(git: Git, path: string, seed: Seed, name: string): Promise<void> {
  if ('empty' in seed) return
  if ('from' in seed) return copyRefs(git, seed.from, path)
  const branch = await headBranch(path)
  const random = new SeededRandom(seed.random ?? name)
  const pointers = seed.lfs ? await storeObjects(path, seed.lfs, random) : []
  const child = git.start(path, ['fast-import', '--quiet', '--done'], {
    // Always a pack, as on a server.
    'fastimport.unpackLimit': '0',
    // Random content neither deflates nor resembles other content: no time is spent on trying.
    ...(seed.blobSize === undefined || seed.text ? {} : { 'core.compression': '0', 'core.bigFileThreshold': '256' }),
  })
  const failed: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => failed.push(chunk))
  child.stdout.resume()
  const closed = once(child, 'close') as Promise<[number | null]>
  child.stdin.on('error', () => {}) // the exit status tells
  await writeHistory(child.stdin, seed, branch, random, pointers)
  child.stdin.end()
  const [code] = await closed
  if (code !== 0) throw new Error(`git fast-import failed: ${Buffer.concat(failed).toString().slice(0, 2000)}`)
}

/** Stores the LFS objects, and returns the pointers to them. */
async function storeObjects(path: string, { count, size, missing = 0 }: SeedLfs, random: SeededRandom): Promise<string[]> {
  const pointers: string[] = []
  const [smallest, largest] = typeof size === 'number' ? [size, size] : size
  for (let index = 0; index < count; index++) {
    const bytes = Math.round(smallest + random.next() * (largest - smallest))
    const { oid, pointer } = await storeLfsObject(path, { size: bytes, random: `${index} ${random.next()}` })
    pointers.push(pointer)
    if (index >= count - missing) await new LfsStore(path).remove(oid)
  }
  return pointers
}

async function copyRefs(git: Git, from: string, path: string): Promise<void> {
  const namespaces = ['heads', 'tags', 'notes'].map((one) => `+refs/${one}/*:refs/${one}/*`)
  await git.run(path, ['fetch', '--quiet', '--no-write-fetch-head', '--', from, ...namespaces])
  const head = await git.run(from, ['symbolic-ref', '--quiet', 'HEAD']).catch(() => '')
  if (head.startsWith('refs/heads/')) await setHead(path, head.trim().slice('refs/heads/'.length))
  // A repository of many refs is read faster packed.
  if ((await listRefs(git, path, 'refs/')).length > 100) await git.run(path, ['pack-refs', '--all'])
}

const firstDate = 1_577_836_800 // 2020-01-01
const person = 'Ada Example <ada@example.invalid>'

/** Writes the history as a stream for `git fast-import`, never holding more than a part of it. */
async function writeHistory(
  out: Writable,
  seed: GeneratedSeed,
  branch: string,
  random: SeededRandom,
  pointers: readonly string[],
): Promise<void> {
  const sink = new BatchedWriter(out)
  const { commits, branches = 1, tags = 0, filesPerCommit = 1, blobSize, text = false } = seed
  let mark = 0
  const content = () => blobSize === undefined ? Buffer.from(`${random.bytes(24).toString('hex')}\n`) : random.bytes(blobSize)
  const changes = commits * filesPerCommit
  if (text) await writeTexts(sink, changes, blobSize ?? 5000, random)
  const commit = async (ref: string, date: number, message: string, parent?: number) => {
    const when = `${person} ${firstDate + date * 60} +0000`
    sink.text(`commit ${ref}\nmark :${++mark}\nauthor ${when}\ncommitter ${when}\n${data(message)}`)
    if (parent) sink.text(`from :${parent}\n`)
    return mark
  }
  for (let index = 0; index < commits; index++) {
    await commit(`refs/heads/${branch}`, index, `Change ${index + 1}\n`)
    for (let file = 0; file < filesPerCommit; file++) {
      const number = index * filesPerCommit + file
      const path = `part-${number % 64}/file-${Math.floor(number / 64) % 64}.txt`
      if (text) sink.text(`M 100644 :${textMark + number} ${path}\n`)
      else await sink.file(path, content())
    }
    if (index === commits - 1) {
      for (const [path, body] of Object.entries(seed.files ?? {})) await sink.file(path, Buffer.from(body))
    }
    sink.text('\n')
    await sink.drained()
  }
  // Half of the pointers are overwritten by the other half: their objects are named in the history alone.
  const paths = Math.ceil(pointers.length / 2)
  const pointersInCommit = Math.min(10, paths)
  for (let index = 0; index < pointers.length; index += pointersInCommit) {
    await commit(`refs/heads/${branch}`, commits + index, `Store objects from ${index + 1}\n`)
    if (index === 0) await sink.file('.gitattributes', Buffer.from('*.bin filter=lfs diff=lfs merge=lfs -text\n'))
    for (const [at, pointer] of pointers.slice(index, index + pointersInCommit).entries()) {
      await sink.file(`objects/${(index + at) % paths}.bin`, Buffer.from(pointer))
    }
    sink.text('\n')
  }
  const spread = (index: number, of: number) => Math.max(1, Math.round((commits * index) / of))
  for (let index = 1; commits > 0 && index < branches; index++) {
    const ref = `refs/heads/branch-${index}`
    if (index % 2 === 0) {
      sink.text(`reset ${ref}\nfrom :${spread(index, branches)}\n\n`)
      continue
    }
    await commit(ref, commits + index, `Start branch ${index}\n`, spread(index, branches))
    await sink.file(`branches/${index}.txt`, content())
    sink.text('\n')
  }
  for (let index = 1; commits > 0 && index <= tags; index++) {
    const from = spread(index, tags)
    if (index % 2 === 0) sink.text(`reset refs/tags/v${index}\nfrom :${from}\n\n`)
    else sink.text(`tag v${index}\nfrom :${from}\ntagger ${person} ${firstDate + index} +0000\n${data(`Version ${index}\n`)}`)
  }
  if (seed.notes && commits > 0) {
    await commit('refs/notes/commits', commits, 'Notes added\n')
    const note = 'Reviewed-by: Ada Example\n'
    sink.text(`N inline :${commits}\n${data(note)}\n`)
  }
  sink.text('done\n')
  await sink.flush()
}

/** Marks from here on are those of texts; commits are marked from 1 on. */
const textMark = 1_000_000_000

/**
 * Writes the contents of all changes, marked in the order of the changes. File by file, each version after the one before
 * it, since git fast-import makes deltas to what came last.
 */
async function writeTexts(sink: BatchedWriter, changes: number, size: number, random: SeededRandom): Promise<void> {
  const files = 64 * 64
  for (let file = 0; file < Math.min(files, changes); file++) {
    const content = random.text(size)
    for (let change = file; change < changes; change += files) {
      const part = random.text(Math.ceil(size / 40))
      part.copy(content, Math.floor(random.next() * (size - part.length)))
      sink.text(`blob\nmark :${textMark + change}\ndata ${size}\n`)
      await sink.content(Buffer.from(content))
    }
  }
}

const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`

/** Gathers small writes, and waits whenever the reader is behind. */
class BatchedWriter {
  readonly #out: Writable
  #parts: Buffer[] = []
  #size = 0

  constructor(out: Writable) {
    this.#out = out
  }

  text(text: string): void {
    this.#push(Buffer.from(text))
  }

  async file(path: string, content: Buffer): Promise<void> {
    this.text(`M 100644 inline "${path.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"\ndata ${content.length}\n`)
    await this.content(content)
  }

  /** Sends the bytes that a `data` line announced. */
  async content(content: Buffer): Promise<void> {
    this.#push(content)
    this.text('\n')
    await this.drained()
  }

  /** Sends what has gathered once it is worth a write. */
  async drained(): Promise<void> {
    if (this.#size > 256 * 1024) await this.flush()
  }

  async flush(): Promise<void> {
    const parts = this.#parts
    this.#parts = []
    this.#size = 0
    if (parts.length > 0) await new Promise<void>((resolve) => this.#out.write(Buffer.concat(parts), () => resolve()))
  }

  #push(part: Buffer): void {
    this.#parts.push(part)
    this.#size += part.length
  }
}
