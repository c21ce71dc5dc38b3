import assert from 'node:assert/strict'
import { listSourceRefs, listTargetRefs, planUpdates, type RefUpdate } from '@saddle/git-relay'
import { SaddleError, type GitRemote } from '@saddle/transport'
import type { TestFunctions } from '../test-functions.ts'
import type { GitBackend, TransferProgress, TransferResult } from './backend.ts'

/** A source with some history and an empty target, on real servers. */
export interface RepositoryPair {
  source: GitRemote
  target: GitRemote
  /** Runs git in the source's bare repository and returns what it prints. */
  sourceGit(...args: string[]): string
  /** Runs git in the target's. */
  targetGit(...args: string[]): string
}

/** What goes wrong once, at the next transfer. */
export type TransferFault =
  /** The source ends its pack before it is whole, as if it were complete. */
  | 'source ends early'
  /** A byte of the pack is not what it was. */
  | 'pack is damaged'
  /** The target's connection breaks while it is being sent to. */
  | 'target breaks off'
  /** The source never answers. */
  | 'source is silent'

/** What {@link gitBackendSuite} tests. */
export interface GitBackendUnderTest {
  backend: GitBackend
  /** Makes a pair; the history has as many commits as asked for, each with a file of about 4 kB that does not compress. */
  pair(history: { commits: number; branches?: number; tags?: number; notes?: boolean }): Promise<RepositoryPair>
  /** Makes the next transfer between the two go wrong; resolves to a promise for that having happened. */
  fail(pair: RepositoryPair, fault: TransferFault): { happened: Promise<void>; end(): void }
  /** Makes the target refuse a ref as protected, until the function that is returned is called. */
  refuse(pair: RepositoryPair, ref: string): () => void
  /** What must not appear in anything that a backend says. */
  secrets: readonly string[]
  /** Takes everything away after a test. */
  dispose(): Promise<void>
}

const namespaces = ['refs/heads/', 'refs/tags/', 'refs/notes/']

/** The contract of {@link GitBackend}. Every implementation passes it, those of others as well. */
export function gitBackendSuite(
  { describe, it, beforeEach, afterEach }: TestFunctions,
  name: string,
  make: () => Promise<GitBackendUnderTest>,
): void {
  describe(`${name}: contract of GitBackend`, () => {
    let tested: GitBackendUnderTest
    let said: unknown[]
    beforeEach(async () => {
      tested = await make()
      said = []
    })
    afterEach(async () => {
      await tested.dispose()
      const text = JSON.stringify(said)
      for (const secret of tested.secrets) assert.equal(text.includes(secret), false, 'a secret was said')
    })

    const run = async (pair: RepositoryPair, options: RunOptions = {}): Promise<TransferResult> => {
      const sourceRefs = await listSourceRefs(pair.source, { prefixes: namespaces })
      const targetRefs = await listTargetRefs(pair.target)
      const updates = options.updates ?? planUpdates({ source: sourceRefs, target: targetRefs, namespaces, prune: options.prune ?? false })
      const { signal, packBytes } = options
      const progress: TransferProgress[] = []
      try {
        const result = await tested.backend.transfer(
          { source: pair.source, target: pair.target, sourceRefs, targetRefs, updates, ...(packBytes === undefined ? {} : { limits: { packBytes } }) },
          { ...(signal ? { signal } : {}), onProgress: (one) => progress.push(one) },
        )
        said.push(result)
        assert.deepEqual(result.outcomes.map(({ ref }) => ref), updates.map(({ ref }) => ref))
        return result
      } catch (error) {
        said.push(error, (error as Error).message, (error as Error).stack)
        throw error
      } finally {
        said.push(progress)
        assert.deepEqual(JSON.parse(JSON.stringify(progress)), progress)
      }
    }

    it('moves branches, tags of both kinds and notes, hash for hash', async () => {
      const pair = await tested.pair({ commits: 10, branches: 4, tags: 4, notes: true })
      const result = await run(pair)
      assert.ok(result.outcomes.every(({ status }) => status === 'ok'))
      assert.equal(refs(pair.targetGit), refs(pair.sourceGit))
      pair.targetGit('fsck', '--full', '--strict')
      assert.ok(result.packBytes > 10 * 4000)
      assert.equal(result.objects, Number(pair.targetGit('rev-list', '--objects', '--all', '--count')))
    })

    it('sends only what the target lacks, and nothing when that is nothing', async () => {
      const pair = await tested.pair({ commits: 20 })
      await run(pair)
      const again = await run(pair)
      assert.equal(again.packBytes, 0)
      commit(pair.sourceGit, 'main')
      const more = await run(pair)
      assert.equal(more.objects, 1)
      assert.ok(more.packBytes < 2000)
      assert.equal(refs(pair.targetGit), refs(pair.sourceGit))
    })

    it('moves refs to what the target has already', async () => {
      const pair = await tested.pair({ commits: 5 })
      await run(pair)
      pair.sourceGit('update-ref', 'refs/heads/another', 'main')
      pair.sourceGit('update-ref', 'refs/tags/old', 'main~3')
      await run(pair)
      assert.equal(refs(pair.targetGit), refs(pair.sourceGit))
    })

    it('moves, rewinds and deletes refs exactly as it is told to', async () => {
      const pair = await tested.pair({ commits: 5, branches: 3, tags: 2 })
      await run(pair)
      pair.sourceGit('update-ref', 'refs/heads/main', 'main~2')
      pair.sourceGit('update-ref', '-d', 'refs/heads/branch-1')
      pair.sourceGit('update-ref', 'refs/heads/branch-1/below', 'main')
      commit(pair.sourceGit, 'branch-2')
      pair.targetGit('update-ref', 'refs/other/kept', 'main')
      await run(pair, { prune: true })
      assert.equal(refs(pair.targetGit), refs(pair.sourceGit))
      assert.ok(pair.targetGit('rev-parse', 'refs/other/kept'))
    })

    it('moves refs of any name that git allows', async () => {
      const pair = await tested.pair({ commits: 1 })
      for (const one of ['-x', '--upload-pack=x', '__proto__', '$(id)', '`id`', 'a\u202eb', '☕/🌭', '%0d%0a', 'a;b|c&d', "quo'te\"s", 'é'.repeat(100)]) {
        pair.sourceGit('update-ref', `refs/heads/${one}`, 'main')
      }
      await run(pair)
      assert.equal(refs(pair.targetGit), refs(pair.sourceGit))
    })

    it('reports a refused ref by name, with what it is, and moves the others', async () => {
      const pair = await tested.pair({ commits: 6, branches: 5 })
      const allow = tested.refuse(pair, 'refs/heads/branch-2')
      const { outcomes } = await run(pair)
      allow()
      const rejected = outcomes.filter(({ status }) => status === 'rejected')
      assert.deepEqual(rejected.map(({ ref, code }) => [ref, code]), [['refs/heads/branch-2', 'REF_PROTECTED']])
      assert.ok(rejected[0]?.reason)
      assert.equal(refs(pair.targetGit).split('\n').length, 4)
    })

    it('does not move a ref that is no longer where it was said to be', async () => {
      const pair = await tested.pair({ commits: 6 })
      await run(pair)
      const [was, seen] = [pair.targetGit('rev-parse', 'main~2'), pair.targetGit('rev-parse', 'main')]
      const newOid = commit(pair.sourceGit, 'main')
      const { outcomes } = await run(pair, { updates: [{ ref: 'refs/heads/main', kind: 'update', oldOid: was, newOid }] })
      assert.equal(outcomes[0]?.status, 'rejected')
      assert.equal(pair.targetGit('rev-parse', 'main'), seen)
    })

    for (const fault of ['source ends early', 'pack is damaged', 'target breaks off'] as const) {
      it(`moves no ref when the ${fault}, and all the next time`, async () => {
        const pair = await tested.pair({ commits: 30, branches: 2 })
        const failing = tested.fail(pair, fault)
        await assert.rejects(run(pair), isSaddleError)
        failing.end()
        assert.equal(refs(pair.targetGit), '')
        await run(pair)
        assert.equal(refs(pair.targetGit), refs(pair.sourceGit))
      })
    }

    it('stops within a second when it is told to, with no ref moved', async () => {
      const pair = await tested.pair({ commits: 10 })
      const silent = tested.fail(pair, 'source is silent')
      const controller = new AbortController()
      const running = run(pair, { signal: controller.signal })
      running.catch(() => undefined)
      await silent.happened
      const aborted = performance.now()
      controller.abort()
      await assert.rejects(running, (error) => isSaddleError(error) && (error as SaddleError).code === 'ABORTED')
      assert.ok(performance.now() - aborted < 1000)
      silent.end()
      assert.equal(refs(pair.targetGit), '')
      await assert.rejects(run(pair, { signal: controller.signal }), (error) => (error as SaddleError).code === 'ABORTED')
    })

    it('keeps to the largest pack that the target takes: in steps, or not at all', async () => {
      const pair = await tested.pair({ commits: 40 })
      const moved = await run(pair, { packBytes: 60_000 }).catch((error: unknown) => error)
      if (SaddleError.is(moved)) {
        assert.equal(moved.code, 'PACK_TOO_LARGE')
        assert.equal(refs(pair.targetGit), '')
      } else assert.equal(refs(pair.targetGit), refs(pair.sourceGit))
    })
  })
}

interface RunOptions {
  prune?: boolean
  updates?: RefUpdate[]
  signal?: AbortSignal
  packBytes?: number
}

type GitIn = RepositoryPair['sourceGit']

const refs = (git: GitIn): string => git('for-each-ref', '--format=%(objectname) %(refname)', ...namespaces.map((prefix) => prefix.slice(0, -1)))

/** Adds a commit, and nothing else, to a branch. */
function commit(git: GitIn, branch: string): string {
  const oid = git('commit-tree', '-p', branch, '-m', 'more', `${branch}^{tree}`)
  git('update-ref', `refs/heads/${branch}`, oid)
  return oid
}

function isSaddleError(error: unknown): boolean {
  assert.ok(SaddleError.is(error), `not a SaddleError: ${String(error)}`)
  return true
}
