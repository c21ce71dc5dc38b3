import assert from 'node:assert/strict'
import { addLine, assertEqual, fails, refsIn, type Cases, type RepositoryPair, type TransferFault } from './kit.ts'

/** Broken in the middle: whatever it comes to, no ref points to less than everything, and the next run does the rest. */
const breaking = (fault: TransferFault): Cases => ({
  async [`moves no ref to less than everything when the ${fault}, and all the next time`]({ pair, run, fail }) {
    const both = await pair({ commits: 30, branches: 2 })
    const failing = fail(both, fault)
    await failsOrArrives(both, run(both))
    failing.end()
    await run(both)
    assertEqual(both)
  },
})

/** A backend can have found a way around what broke, by asking for less at a time. */
async function failsOrArrives(both: RepositoryPair, running: Promise<unknown>): Promise<void> {
  if (await running.then(() => true, () => false)) assertEqual(both)
  else {
    await fails(running)
    assert.equal(refsIn(both.targetGit), '')
  }
}

/** The two things a target may have after something went wrong with a first transfer of one branch. */
const isNothingOrAll = ({ sourceGit, targetGit }: RepositoryPair): void => {
  assert.ok(['', refsIn(sourceGit)].includes(refsIn(targetGit)), 'a ref points to something else than what it should')
  targetGit(['fsck', '--full', '--connectivity-only'])
}

/** What breaks, what is stopped, and what is too large. */
export const failing: Cases = {
  ...breaking('source ends early'),
  ...breaking('source breaks off'),
  ...breaking('pack is damaged'),
  ...breaking('target breaks off'),

  async 'moves no ref to a part of a history, wherever the pack was cut'({ pair, run, fail }) {
    const both = await pair({ commits: 10 })
    for (let part = 1; part < 10; part++) {
      const cutting = fail(both, 'source ends early', part * 4400)
      await run(both).catch(() => undefined)
      cutting.end()
      isNothingOrAll(both)
    }
    await run(both)
    assertEqual(both)
  },

  async 'moves no ref to anything damaged, wherever the byte was'({ pair, run, fail }) {
    const both = await pair({ commits: 10 })
    for (let part = 3; part < 10; part += 2) {
      const damaging = fail(both, 'pack is damaged', part * 4400)
      await run(both).catch(() => undefined)
      damaging.end()
      isNothingOrAll(both)
    }
    await run(both)
    assertEqual(both)
  },

  async 'does the rest when it is run again after a push whose answer was lost'({ pair, run, fail }) {
    const both = await pair({ commits: 5, branches: 2 })
    const losing = fail(both, 'answer is lost')
    const error = await fails(run(both))
    losing.end()
    assert.equal(error.retryable, true)
    const { packBytes } = await run(both)
    assert.equal(packBytes, 0)
    assertEqual(both)
  },

  async 'leaves it to a listing to find out that the target lied'({ pair, run, fail }) {
    const both = await pair({ commits: 3 })
    const lying = fail(both, 'target lies')
    await run(both).catch(() => undefined)
    lying.end()
    assert.equal(refsIn(both.targetGit), '')
    await run(both)
    assertEqual(both)
  },

  async 'stops within a second when it is told to while the source is silent'({ pair, run, fail }) {
    await stopsWhile('source is silent', await pair({ commits: 10 }), run, fail)
  },

  async 'stops within a second when it is told to while the target is silent'({ pair, run, fail }) {
    await stopsWhile('target is silent', await pair({ commits: 10 }), run, fail)
  },

  async 'does not begin when it was told to stop before'({ pair, run }) {
    const both = await pair({ commits: 3 })
    await fails(run(both, { signal: AbortSignal.abort() }), 'ABORTED')
    assert.equal(refsIn(both.targetGit), '')
  },

  async 'stops in the middle when it is told to, and goes on when it is run again'({ pair, run, left }) {
    const both = await pair({ commits: 60 })
    const controller = new AbortController()
    await fails(run(both, { signal: controller.signal, onProgress: () => controller.abort() }), 'ABORTED')
    isNothingOrAll(both)
    assert.deepEqual((await left?.()) ?? [], [])
    await run(both)
    assertEqual(both)
  },

  async 'reports progress that only grows and ends with everything'({ pair, run }) {
    const both = await pair({ commits: 40 })
    const { progress, objects } = await run(both)
    assert.ok(progress.length > 0)
    assert.ok(progress.every(({ phase }) => ['counting', 'streaming', 'indexing'].includes(phase)))
    const bytes = progress.filter(({ phase }) => phase === 'streaming').map((one) => one.bytes)
    assert.deepEqual(bytes, [...bytes].sort((a, b) => a - b))
    assert.ok(progress.some(({ phase, objects: done, totalObjects }) => phase === 'streaming' && done === objects && totalObjects === objects))
  },

  async 'leaves nothing where it works, whether it succeeds or fails'({ pair, run, fail, left }) {
    const both = await pair({ commits: 5 })
    const failing = fail(both, 'source ends early', 4000)
    await fails(run(both))
    failing.end()
    assert.deepEqual((await left?.()) ?? [], [])
    await run(both)
    assert.deepEqual((await left?.()) ?? [], [])
  },

  async 'keeps to the largest pack that the target takes, in steps'({ pair, run }) {
    const both = await pair({ commits: 40, branches: 3, tags: 3 })
    await run(both, { packBytes: 60_000 })
    assertEqual(both)
    assert.doesNotMatch(refsIn(both.targetGit), /saddle-step/)
  },

  async 'brings in steps what merges, and what only tags lead to'({ pair, run }) {
    const both = await pair({ commits: 20 })
    addLine(both.sourceGit, 'refs/heads/side', 15)
    both.sourceGit(['update-ref', 'refs/heads/main', both.sourceGit(['commit-tree', '-p', 'main', '-p', 'side', '-m', 'merge', 'main^{tree}'])])
    addLine(both.sourceGit, 'refs/heads/lost', 20)
    both.sourceGit(['tag', '-a', '-m', 'kept', 'kept', 'lost'])
    both.sourceGit(['update-ref', '-d', 'refs/heads/lost'])
    await run(both, { packBytes: 60_000 })
    assertEqual(both)
  },

  async 'moves nothing when a single commit is over the limit, and says which'({ pair, run }) {
    const both = await pair({ commits: 1 })
    const error = await fails(run(both, { packBytes: 2000 }), 'PACK_TOO_LARGE')
    assert.match(error.message, new RegExp(both.sourceGit(['rev-parse', 'main'])))
    assert.equal(refsIn(both.targetGit), '')
  },

  async 'goes on when steps of an earlier run are there'({ pair, run }) {
    const both = await pair({ commits: 30 })
    await run(both, { updates: [{ ref: 'refs/heads/main', kind: 'create', newOid: both.sourceGit(['rev-parse', 'main~20']) }] })
    both.targetGit(['update-ref', 'refs/heads/saddle-step/1', 'main'])
    addLine(both.sourceGit, 'refs/tags/apart', 20)
    await run(both, { packBytes: 60_000 })
    both.targetGit(['update-ref', '-d', 'refs/heads/saddle-step/1'])
    assertEqual(both)
  },
}

async function stopsWhile(fault: TransferFault, both: RepositoryPair, run: Parameters<Cases[string]>[0]['run'], fail: Parameters<Cases[string]>[0]['fail']): Promise<void> {
  const silent = fail(both, fault)
  const controller = new AbortController()
  const running = run(both, { signal: controller.signal })
  running.catch(() => undefined)
  await silent.happened
  const aborted = performance.now()
  controller.abort()
  await fails(running, 'ABORTED')
  assert.ok(performance.now() - aborted < 1000, 'it took longer than a second to stop')
  silent.end()
  assert.equal(refsIn(both.targetGit), '')
}
