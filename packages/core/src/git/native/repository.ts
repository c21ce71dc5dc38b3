import { mkdir, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SaddleError, withPublicAuthorities, type GitRemote } from '@saddle/transport'
import { canFilter, encodeRefName, fetchCommits, type RefUpdate } from '@saddle/git-relay'
import type { GitTransfer, TransferOptions, TransferProgress } from '../backend.ts'
import type { CommitGraph } from '../steps.ts'
import { makeWorkFolder, type WorkFolder } from '../work-folder.ts'
import { parseProgressLine } from './progress.ts'
import { diskFailure, programFailure, remoteFailure } from './failures.ts'
import { runGit, startGit, type GitRun } from './run-git.ts'

const attempts = 4
/** Into how many parts a history is cut whose fetch broke off. */
const parts = 16
/** What the disk must have left besides what the repository takes. */
const spareBytes = 16 * 1024 * 1024

/** A pack that git is writing. */
export interface PackInTheMaking {
  pieces: AsyncIterable<Buffer>
  /** Ends git, if it still writes. */
  close: () => Promise<unknown>
}

type Wanted = Extract<RefUpdate, { newOid: string }>
interface FetchOptions {
  signal: AbortSignal | undefined
  onProgress: ((progress: TransferProgress) => void) | undefined
  /** What the refs lead to. */
  tips?: readonly string[]
}
type GitOptions = Pick<GitRun, 'stdin' | 'signal' | 'onLine'>

/** A bare repository in the work directory, owned by one process and removed when done. */
export class NativeRepository {
  private constructor(
    readonly directory: string,
    readonly source: GitRemote,
    readonly caFile: string | undefined,
    private readonly folder: WorkFolder,
  ) {}

  /**
   * Makes an empty bare repository, after clearing away what processes that are gone have left behind.
   *
   * @throws STORE_FULL when the disk has no room for what the source holds, as far as that is known
   */
  static async open({ source, target, sourceRefs, sourceBytes = 0, workDirectory }: GitTransfer): Promise<NativeRepository> {
    const folder = await makeWorkFolder(workDirectory).catch((error: unknown) => {
      throw diskFailure(error)
    })
    try {
      await requireRoom(folder.path, sourceBytes)
      const authorities = [source, target].flatMap(({ http }) => http.connection.ca ?? [])
      const caFile = authorities.length > 0 ? join(folder.path, 'authorities.pem') : undefined
      if (caFile) await writeFile(caFile, withPublicAuthorities(authorities).join('\n'))
      const directory = join(folder.path, 'repository.git')
      await mkdir(directory)
      const repository = new NativeRepository(directory, source, caFile, folder)
      await repository.git(['init', '--quiet', '--bare', '--template=', `--object-format=${sourceRefs.objectFormat}`, directory])
      return repository
    } catch (error) {
      await folder.remove()
      throw diskFailure(error)
    }
  }

  remove(): Promise<void> {
    return this.folder.remove()
  }

  /** Runs git in this repository and expects it to succeed. */
  async git(args: readonly string[], options: GitOptions = {}): Promise<Buffer> {
    const outcome = await runGit({ args, gitDirectory: this.directory, ...options })
    if (outcome.status !== 0) throw programFailure(args[0] ?? '', outcome)
    return outcome.stdout
  }

  /** Runs git in this repository and gives what it writes as it comes; ends only when git succeeded. */
  async *stream(args: readonly string[], options: GitOptions = {}): AsyncGenerator<Buffer, void, void> {
    const { stdout, ended, stop } = await startGit({ args, gitDirectory: this.directory, ...options })
    try {
      for await (const chunk of stdout) yield chunk as Buffer
      const outcome = await ended
      if (outcome.status !== 0) throw programFailure(args[0] ?? '', outcome)
    } finally {
      stop()
    }
  }

  /** The lines of what git writes, as many at a time as have come. */
  async *lines(args: readonly string[], options: GitOptions = {}): AsyncGenerator<string[], void, void> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of this.stream(args, options)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield lines
    }
    if (rest) yield [rest]
  }

  /**
   * Fetches what the updates need, branches first, then tags, then the rest; a connection that breaks is taken up again,
   * and what was complete by then stays.
   */
  async fetch(updates: readonly Wanted[], { signal, onProgress }: TransferOptions): Promise<void> {
    const groups = [
      updates.filter(({ ref }) => ref.startsWith('refs/heads/')),
      updates.filter(({ ref }) => ref.startsWith('refs/tags/')),
      updates.filter(({ ref }) => !ref.startsWith('refs/heads/') && !ref.startsWith('refs/tags/')),
    ]
    for (const group of groups) {
      if (group.length === 0) continue
      // By name under a server that serves only what refs point to. What has moved since is asked for by hash below.
      await this.#fetchOnce(refspecsOf(group), { signal, onProgress, tips: group.map(({ newOid }) => newOid) })
      const present = new Set(await this.present(group.map(({ newOid }) => newOid)))
      const moved = group.filter(({ newOid }) => !present.has(newOid))
      if (moved.length > 0) {
        const byHash = moved.map(({ newOid }, index) => `+${newOid}:refs/saddle/moved/${index}\n`).join('')
        await this.#fetchOnce(Buffer.from(byHash), { signal, onProgress })
      }
    }
  }

  /** Those of the objects that are here, in the given order. */
  async present(oids: readonly string[]): Promise<string[]> {
    if (oids.length === 0) return []
    const output = await this.git(['cat-file', '--batch-check=%(objectname)', '--buffer'], { stdin: oids.join('\n') + '\n' })
    return output.toString('latin1').split('\n').filter((line) => line !== '' && !line.includes(' '))
  }

  /** About how large a pack of what the tips have and the others have not would be: its objects' sizes as stored here. */
  async measure(tips: readonly string[], held: readonly string[], { signal }: TransferOptions): Promise<number> {
    if (tips.length === 0) return 0
    const output = await this.git(['rev-list', '--objects', '--disk-usage', '--stdin'], { stdin: revisions(tips, held), signal })
    return Number(output.toString())
  }

  /**
   * Begins to make a pack of what the tips have and the others have not, with deltas against what those have.
   *
   * @returns its pieces, once git has counted and compressed and begins to write; to be closed, whatever happens
   */
  async pack(tips: readonly string[], held: readonly string[], { signal, onObjects }: TransferOptions & { onObjects: (count: number) => void }): Promise<PackInTheMaking> {
    const args = ['pack-objects', '--revs', '--stdout', '--thin', '--delta-base-offset', '--progress', '--all-progress']
    const onLine = (line: string) => {
      const progress = parseProgressLine(line)
      if (progress) onObjects(progress.objects)
    }
    const rest = this.stream(args, { stdin: revisions(tips, held), signal, onLine })
    const first = await rest.next()
    return { pieces: startingWith(first.done ? [] : [first.value], rest), close: () => rest.return() }
  }

  /** The commits that the tips have and the others have not. */
  async graph(tips: readonly string[], held: readonly string[], { signal }: TransferOptions): Promise<CommitGraph> {
    const graph = new Map<string, readonly string[]>()
    for await (const lines of this.lines(['rev-list', '--parents', '--stdin'], { stdin: revisions(tips, held), signal })) {
      for (const line of lines) {
        const [oid, ...parents] = line.split(' ')
        if (oid) graph.set(oid, parents)
      }
    }
    return graph
  }

  async #fetchOnce(refspecs: Uint8Array, { signal, onProgress, tips = [] }: FetchOptions): Promise<void> {
    const args = ['fetch', '--quiet', '--progress', '--no-tags', '--no-write-fetch-head', '--no-auto-gc', '--stdin', '--', this.source.url]
    for (let attempt = 1; ; attempt++) {
      const sentAt = performance.now()
      const outcome = await runGit({
        args,
        gitDirectory: this.directory,
        remote: this.source,
        caFile: this.caFile,
        proxy: this.source.http.connection.proxy,
        stdin: refspecs,
        signal,
        onLine: (line) => {
          const progress = parseProgressLine(line)
          if (progress) onProgress?.({ phase: 'counting', ...progress })
        },
      })
      if (outcome.status === 0) return
      const error = remoteFailure(this.source, outcome)
      if (error.code === 'RATE_LIMITED') this.source.http.learn({ status: 429, headers: {}, sentAt })
      // Who was asked to come less often is not asked again at once.
      if (!error.retryable || error.code === 'RATE_LIMITED' || attempt >= attempts) throw error
      if (attempt === 1) await this.#fetchParts(tips, { signal, onProgress })
    }
  }

  /**
   * Brings a history in parts after a connection broke, the oldest first: what is here is not sent again, however often it
   * breaks. Where the source cannot be asked for parts, nothing is brought.
   */
  async #fetchParts(tips: readonly string[], options: FetchOptions): Promise<void> {
    const { signal } = options
    if (tips.length === 0 || !(await canFilter(this.source, { signal }).catch(() => false))) return
    const objectFormat = tips[0]!.length === 64 ? 'sha256' : 'sha1'
    const commits = await fetchCommits(this.source, { objectFormat, wants: tips, signal }).catch(() => undefined)
    const line = longestLine(tips.slice(0, 10), commits ?? new Map())
    for (let part = 1; part < parts; part++) {
      const oid = line[Math.floor(line.length * (1 - part / parts))]
      if (oid) await this.#fetchOnce(Buffer.from(`+${oid}:refs/saddle/part/${part}\n`), options)
    }
  }
}

async function* startingWith<T>(first: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  yield* first
  yield* rest
}

async function requireRoom(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(path)
  const needed = bytes + spareBytes
  if (bavail * bsize >= needed) return
  const inMiB = (size: number) => `${Math.ceil(size / 1024 / 1024)} MiB`
  throw new SaddleError('STORE_FULL', `The work directory has ${inMiB(bavail * bsize)} left, and a clone of the source needs about ${inMiB(needed)}. Free some room or choose another work directory.`, { context: { option: 'workDirectory' } })
}

/** Git compares every name that is asked for with every one that is there: many are asked for by their namespaces. */
function refspecsOf(group: readonly Wanted[]): Buffer {
  const names = group.length <= 500 ? group.map(({ ref }) => encodeRefName(ref)) : [...new Set(group.map(({ ref }) => ref.split('/').slice(0, 2).join('/')))].map((folder) => Buffer.from(`${folder}/*`))
  return Buffer.concat(names.flatMap((name) => [Buffer.from('+'), name, Buffer.from(':'), name, Buffer.from('\n')]))
}

/** The longest way back along first parents from one of the tips. */
function longestLine(tips: readonly string[], commits: CommitGraph): string[] {
  let longest: string[] = []
  for (const tip of tips) {
    const line: string[] = []
    for (let oid: string | undefined = tip; oid !== undefined && commits.has(oid); oid = commits.get(oid)?.[0]) line.push(oid)
    if (line.length > longest.length) longest = line
  }
  return longest
}

const revisions = (tips: readonly string[], held: readonly string[]): string => [...tips, ...held.map((oid) => `^${oid}`)].join('\n') + '\n'
