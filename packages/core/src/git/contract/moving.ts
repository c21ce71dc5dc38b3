import assert from 'node:assert/strict'
import { addLine, assertEqual, commit, refsIn, type Cases } from './kit.ts'

/** What arrives, of what there is. */
export const moving: Cases = {
  async 'moves branches, tags of both kinds and notes, hash for hash'({ pair, run }) {
    const both = await pair({ commits: 10, branches: 4, tags: 4, notes: true })
    const { outcomes, packBytes, objects } = await run(both)
    assert.ok(outcomes.every(({ status }) => status === 'ok'))
    assertEqual(both)
    assert.ok(packBytes > 10 * 4000)
    assert.equal(objects, Number(both.targetGit(['rev-list', '--objects', '--all', '--count'])))
  },

  async 'has nothing to do for an empty source'({ pair, run }) {
    const both = await pair({ commits: 0 })
    assert.deepEqual(await run(both).then(({ packBytes, objects, outcomes }) => ({ packBytes, objects, outcomes })), { packBytes: 0, objects: 0, outcomes: [] })
    assert.equal(refsIn(both.targetGit), '')
  },

  async 'moves what there is when HEAD points to no branch'({ pair, run }) {
    const both = await pair({ commits: 3 })
    both.sourceGit(['symbolic-ref', 'HEAD', 'refs/heads/not-yet'])
    await run(both)
    assertEqual(both)
  },

  async 'moves tags of tags, of trees and of files'({ pair, run }) {
    const both = await pair({ commits: 2, tags: 1 })
    both.sourceGit(['tag', '-a', '-m', 'outer', 'outer', 'v1'])
    both.sourceGit(['tag', '-a', '-m', 'outermost', 'outermost', 'outer'])
    both.sourceGit(['tag', 'tree', 'main^{tree}'])
    both.sourceGit(['tag', '-a', '-m', 'a key', 'key', both.sourceGit(['hash-object', '-w', '--stdin'], 'a key')])
    await run(both)
    assertEqual(both)
  },

  async 'moves histories that have nothing in common'({ pair, run }) {
    const both = await pair({ commits: 3 })
    addLine(both.sourceGit, 'refs/heads/apart', 3)
    addLine(both.sourceGit, 'refs/notes/review', 1)
    await run(both)
    assertEqual(both)
  },

  async 'moves only the namespaces it is told to'({ pair, run }) {
    const both = await pair({ commits: 3, tags: 2 })
    both.sourceGit(['update-ref', 'refs/changes/1', 'main'])
    await run(both, { namespaces: ['refs/heads/', 'refs/changes/'] })
    assert.deepEqual(both.targetGit(['for-each-ref', '--format=%(refname)']).split('\n'), ['refs/changes/1', 'refs/heads/main'])
  },

  async 'sends only what the target lacks, and nothing when that is nothing'({ pair, run }) {
    const both = await pair({ commits: 20 })
    await run(both)
    const again = await run(both)
    assert.deepEqual([again.packBytes, again.objects], [0, 0])
    assert.ok(again.outcomes.every(({ status }) => status === 'ok'))
    commit(both.sourceGit, 'main')
    const more = await run(both)
    assert.equal(more.objects, 1)
    assert.ok(more.packBytes < 2000)
    assertEqual(both)
  },

  async 'moves refs to what the target has already'({ pair, run }) {
    const both = await pair({ commits: 5 })
    await run(both)
    both.sourceGit(['update-ref', 'refs/heads/another', 'main'])
    both.sourceGit(['update-ref', 'refs/tags/old', 'main~3'])
    await run(both)
    assertEqual(both)
  },

  async 'moves, rewinds and deletes refs exactly as it is told to'({ pair, run }) {
    const both = await pair({ commits: 5, branches: 3, tags: 2 })
    await run(both)
    both.sourceGit(['update-ref', 'refs/heads/main', 'main~2'])
    both.sourceGit(['update-ref', '-d', 'refs/heads/branch-1'])
    commit(both.sourceGit, 'branch-2')
    both.targetGit(['update-ref', 'refs/other/kept', 'main'])
    await run(both, { prune: true })
    assertEqual(both)
    assert.ok(both.targetGit(['rev-parse', 'refs/other/kept']))
  },

  async 'deletes refs when there is nothing to send'({ pair, run }) {
    const both = await pair({ commits: 3, branches: 4 })
    await run(both)
    both.sourceGit(['update-ref', '-d', 'refs/heads/branch-2'])
    assert.deepEqual(await run(both, { prune: true }).then(({ packBytes, objects }) => [packBytes, objects]), [0, 0])
    assertEqual(both)
  },

  async 'leaves what only the target has unless it is told to delete it'({ pair, run }) {
    const both = await pair({ commits: 3 })
    await run(both)
    both.targetGit(['update-ref', 'refs/heads/theirs', 'main'])
    await run(both)
    assert.match(refsIn(both.targetGit), /refs\/heads\/theirs/)
  },

  async 'makes a folder of refs where there was a ref, and a ref where there was a folder'({ pair, run }) {
    const both = await pair({ commits: 3 })
    both.sourceGit(['update-ref', 'refs/heads/a', 'main'])
    both.sourceGit(['update-ref', 'refs/heads/b/c', 'main'])
    await run(both)
    both.sourceGit(['update-ref', '-d', 'refs/heads/a'])
    both.sourceGit(['update-ref', '-d', 'refs/heads/b/c'])
    both.sourceGit(['update-ref', 'refs/heads/a/d', 'main'])
    both.sourceGit(['update-ref', 'refs/heads/b', 'main'])
    await run(both, { prune: true })
    assertEqual(both)
  },

  async 'overwrites what diverged when it is told to'({ pair, run }) {
    const both = await pair({ commits: 4 })
    await run(both)
    commit(both.targetGit, 'main')
    commit(both.sourceGit, 'main')
    commit(both.sourceGit, 'main')
    await run(both)
    assertEqual(both)
  },

  async 'moves refs of any name that git allows'({ pair, run }) {
    const both = await pair({ commits: 1 })
    const names = ['-x', '--upload-pack=x', '__proto__', 'constructor', '$(id)', '`id`', 'a\u202eb', '☕/🌭', '%0d%0a', 'a;b|c&d', "quo'te\"s", '<script>', '+x', '!x', 'HEAD']
    both.sourceGit(['update-ref', '--stdin'], names.map((name) => `create "refs/heads/${name.replace(/["\\]/g, '\\$&')}" ${both.sourceGit(['rev-parse', 'main'])}\n`).join(''))
    await run(both)
    assertEqual(both)
    assert.equal(refsIn(both.targetGit).split('\n').length, names.length + 1)
  },

  async 'moves refs with the longest names there are'({ pair, run }) {
    const both = await pair({ commits: 1 })
    both.sourceGit(['update-ref', `refs/heads/${'é'.repeat(100)}/${'x'.repeat(250)}`, 'main'])
    await run(both)
    assertEqual(both)
  },

  async 'moves refs whose names are no UTF-8'({ pair, run }) {
    const both = await pair({ commits: 1 })
    // As a file, since neither arguments nor these strings carry such bytes everywhere.
    const folder = both.sourceGit(['rev-parse', '--absolute-git-dir'])
    const { writeFile } = await import('node:fs/promises')
    await writeFile(Buffer.concat([Buffer.from(`${folder}/refs/heads/caf`), Buffer.from([0xe9])]), `${both.sourceGit(['rev-parse', 'main'])}\n`)
    const { outcomes } = await run(both)
    assert.ok(outcomes.every(({ status }) => status === 'ok'))
    assert.equal(refsIn(both.targetGit).split('\n').length, 2)
  },

  async 'moves many refs'({ pair, run, manyRefs = 10_000 }) {
    const both = await pair({ commits: 3 })
    const tips = ['main', 'main~1', 'main~2'].map((one) => both.sourceGit(['rev-parse', one]))
    const lines = Array.from({ length: manyRefs }, (_, index) => `create refs/tags/build/${index} ${tips[index % 3]}\n`)
    both.sourceGit(['update-ref', '--stdin'], lines.join(''))
    await run(both)
    assert.equal(refsIn(both.targetGit), refsIn(both.sourceGit))
  },

  async 'moves links, submodules and programs as they are, and obeys none of them'({ pair, run, left }) {
    const both = await pair({ commits: 1 })
    const file = (text: string) => both.sourceGit(['hash-object', '-w', '--stdin'], text)
    const modules = '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% /tmp/pwned\n\tupdate = !touch /tmp/pwned\n'
    const entries = [
      `100644 blob ${file(modules)}\t.gitmodules`,
      `100644 blob ${file('* filter=evil\n')}\t.gitattributes`,
      `120000 blob ${file('/etc/passwd')}\tlink`,
      `100755 blob ${file('#!/bin/sh\n')}\trun`,
      `160000 commit ${'1'.repeat(40)}\tx`,
    ]
    commit(both.sourceGit, 'main', both.sourceGit(['mktree', '--missing'], `${entries.join('\n')}\n`))
    await run(both)
    assert.equal(refsIn(both.targetGit), refsIn(both.sourceGit))
    assert.deepEqual((await left?.()) ?? [], [])
  },

  async 'takes no path of a tree for a path of its own'({ pair, run, left }) {
    const both = await pair({ commits: 1 })
    const blob = both.sourceGit(['hash-object', '-w', '--stdin'], 'out')
    const inner = Buffer.concat([Buffer.from('40000 ..\0'), Buffer.from(both.sourceGit(['mktree'], `100644 blob ${blob}\tescaped\n`), 'hex')])
    const tree = both.sourceGit(['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], inner)
    commit(both.sourceGit, 'main', tree)
    await run(both).catch(() => undefined)
    // A target that checks what it gets refuses it, one that does not has it as it was.
    assert.ok(['', refsIn(both.sourceGit)].includes(refsIn(both.targetGit)))
    assert.deepEqual((await left?.()) ?? [], [])
  },

  async 'moves repositories that name objects with SHA-256'({ pair, run }) {
    const both = await pair({ commits: 5, branches: 2, objectFormat: 'sha256' })
    await run(both)
    assertEqual(both)
  },
}
