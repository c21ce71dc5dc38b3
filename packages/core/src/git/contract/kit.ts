import assert from 'node:assert/strict'
import { listSourceRefs, listTargetRefs, planUpdates, type RefUpdate } from '@saddle/git-relay'
import { SaddleError, type ErrorCode, type GitRemote } from '@saddle/transport'
import type { GitBackend, TransferProgress, TransferResult } from '../backend.ts'

/** A source with some history and an empty target, on real servers. */
export interface RepositoryPair {
  source: GitRemote
  target: GitRemote
  /** Runs git in the source's bare repository and returns what it prints, without the newline at its end. */
  sourceGit: (args: readonly string[], input?: string | Uint8Array) => string
  /** Runs git in the target's. */
  targetGit: (args: readonly string[], input?: string | Uint8Array) => string
}

/** What goes wrong at every request of a kind, until the fault is ended. */
export type TransferFault =
  /** The source ends its pack before it is whole, as if it were complete. */
  | 'source ends early'
  /** The source's connection breaks while it sends. */
  | 'source breaks off'
  /** A byte of the pack is not what it was. */
  | 'pack is damaged'
  /** The target's connection breaks while it is being sent to. */
  | 'target breaks off'
  /** The target carries the push out, and its answer does not arrive. */
  | 'answer is lost'
  /** The target confirms and moves nothing. */
  | 'target lies'
  /** The source never answers. */
  | 'source is silent'
  /** The target never answers. */
  | 'target is silent'
  /** The source sends the client to another host. */
  | 'source redirects'
  /** The target forbids the push, in words that hold the credentials of both sides. */
  | 'target echoes credentials'

/** The history of a new pair: as many commits as asked for, each with a file of about 4 kB that does not compress. */
export interface History {
  commits: number
  branches?: number
  tags?: number
  notes?: boolean
  objectFormat?: 'sha1' | 'sha256'
  /** Of the target; by default the source's. */
  targetFormat?: 'sha1' | 'sha256'
}

/** A fault that strikes from now on. */
export interface FaultUnderWay {
  /** Resolves when it struck. */
  happened: Promise<void>
  /** Ends it. */
  end: () => void
}

/** What `gitBackendSuite` tests. */
export interface GitBackendUnderTest {
  backend: GitBackend
  /** Makes a pair of repositories. */
  pair: (history: History) => Promise<RepositoryPair>
  /**
   * Makes transfers between the two go wrong.
   *
   * @param at - after how many bytes, for faults that strike in the middle; 40 kB by default
   */
  fail: (pair: RepositoryPair, fault: TransferFault, at?: number) => FaultUnderWay
  /** Makes the target refuse a ref as protected, until the function that is returned is called. */
  refuse: (pair: RepositoryPair, ref: string) => () => void
  /** How many refs are many: 10,000, unless a backend moves far fewer at a time. */
  manyRefs?: number
  /** What must not appear in anything that a backend says. */
  secrets: readonly string[]
  /** What a backend left where it works, which must be nothing. */
  left?: () => Promise<readonly string[]>
  /** Takes everything away after a test. */
  dispose: () => Promise<void>
}

/** How one transfer of a test is run. */
export interface RunOptions {
  prune?: boolean
  /** In place of what the two listings lead to. */
  updates?: RefUpdate[]
  signal?: AbortSignal
  packBytes?: number
  /** Namespaces to move, each ending in `/`. */
  namespaces?: readonly string[]
  onProgress?: (progress: TransferProgress) => void
  /** In place of the pair's own. */
  source?: GitRemote
  target?: GitRemote
}

/** What a test of the contract works with. */
export interface Scene extends Omit<GitBackendUnderTest, 'backend' | 'secrets' | 'dispose'> {
  /** Lists both sides, plans and transfers; what the backend says is kept, and searched for secrets afterwards. */
  run: (pair: RepositoryPair, options?: RunOptions) => Promise<TransferResult & { progress: TransferProgress[] }>
}

/** Tests of the contract by name. */
export type Cases = Readonly<Record<string, (scene: Scene) => Promise<void>>>

export const moved: readonly string[] = ['refs/heads/', 'refs/tags/', 'refs/notes/']

/** Runs transfers of the backend under test, and keeps everything that it says. */
export function runner({ backend }: GitBackendUnderTest, said: unknown[]): Scene['run'] {
  return async (pair, { prune = false, packBytes, signal, namespaces = moved, onProgress, ...options }: RunOptions = {}) => {
    const sourceRefs = await listSourceRefs(pair.source, { prefixes: namespaces })
    const targetRefs = await listTargetRefs(pair.target)
    const updates = options.updates ?? planUpdates({ source: sourceRefs, target: targetRefs, namespaces, prune })
    const progress: TransferProgress[] = []
    let ended = false
    try {
      const result = await backend.transfer(
        {
          source: options.source ?? pair.source,
          target: options.target ?? pair.target,
          sourceRefs, targetRefs, updates,
          ...(packBytes === undefined ? {} : { limits: { packBytes } }),
        },
        {
          ...(signal ? { signal } : {}),
          onProgress: (one) => {
            assert.equal(ended, false, 'progress was reported after the end')
            progress.push(one)
            onProgress?.(one)
          },
        },
      )
      said.push(result)
      assert.deepEqual(result.outcomes.map(({ ref }) => ref), updates.map(({ ref }) => ref))
      return { ...result, progress }
    } catch (error) {
      said.push(error, String((error as Error).message), (error as Error).stack)
      throw error
    } finally {
      ended = true
      said.push(progress)
      assert.deepEqual(JSON.parse(JSON.stringify(progress)), progress)
    }
  }
}

/** The refs that transfers move, with what they point to. */
export const refsIn = (git: RepositoryPair['sourceGit']): string =>
  git(['for-each-ref', '--format=%(objectname) %(refname)', ...moved.map((prefix) => prefix.slice(0, -1))])

/** The oracle: the refs are the same, and git finds nothing wrong with the target. */
export function assertEqual({ sourceGit, targetGit }: RepositoryPair): void {
  assert.equal(refsIn(targetGit), refsIn(sourceGit))
  targetGit(['fsck', '--full', '--strict'])
}

/** Adds a commit, with the files of the branch, to a branch. */
export function commit(git: RepositoryPair['sourceGit'], branch: string, tree = `${branch}^{tree}`): string {
  const oid = git(['commit-tree', '-p', branch, '-m', 'more', tree])
  git(['update-ref', `refs/heads/${branch}`, oid])
  return oid
}

/** Adds a line of commits of its own, each with a file of about 4 kB that does not compress. */
export function addLine(git: RepositoryPair['sourceGit'], ref: string, commits: number): void {
  let parent: string | undefined
  for (let index = 0; index < commits; index++) {
    const text = Array.from({ length: 700 }, () => Math.random().toString(36).slice(2)).join('')
    const blob = git(['hash-object', '-w', '--stdin'], text)
    const tree = git(['mktree'], `100644 blob ${blob}\tfile\n`)
    parent = git(['commit-tree', ...(parent ? ['-p', parent] : []), '-m', `${ref} ${index}`, tree])
  }
  git(['update-ref', ref, parent!])
}

/** Waits for a failure, which is a SaddleError of one of the codes. */
export async function fails(running: Promise<unknown>, ...codes: ErrorCode[]): Promise<SaddleError> {
  const error: unknown = await running.then(() => assert.fail('it did not fail'), (reason: unknown) => reason)
  assert.ok(SaddleError.is(error), `not a SaddleError: ${String(error)}`)
  if (codes.length > 0) assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`)
  return error
}
