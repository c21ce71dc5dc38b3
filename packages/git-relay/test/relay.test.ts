import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findDiverged, isAncestor, listSourceRefs, listTargetRefs, planUpdates } from '../src/index.ts'
import { expectEqual, git, pairOn, refsOf, relay, type Pair, type PairOptions } from './pair.ts'

let sandbox: Sandbox
let old: Sandbox

beforeAll(async () => {
  sandbox = await startSandbox()
  old = await startSandbox({ bitbucket: { protocol: 0 } })
  sandbox.github.createOrganization({ login: 'acme' })
  old.github.createOrganization({ login: 'acme' })
})
afterAll(async () => {
  await sandbox.close()
  await old.close()
})

const pair = (seed: PairOptions['seed'], options: Partial<PairOptions> & { on?: Sandbox } = {}): Promise<Pair> => pairOn(options.on ?? sandbox, { ...options, seed })

describe.each([
  ['version 2', () => sandbox],
  ['version 0', () => old],
])('the relay with a source of %s', (_, server) => {
  it('moves branches, tags of both kinds and notes, hash for hash', async () => {
    const both = await pair({ commits: 40, branches: 5, tags: 6, notes: true }, { on: server() })
    const result = await relay(both)
    expectEqual(both)
    expect(result.outcomes.every(({ status }) => status === 'ok')).toBe(true)
    expect(result.objects).toBe(Number(git(both.targetPath, ['rev-list', '--objects', '--all', '--count'])))
  })

  it('sends only what is new, and nothing when nothing is', async () => {
    const both = await pair({ commits: 200, blobSize: 2000 }, { on: server() })
    const first = await relay(both)
    const before = server().bitbucket.requests.length + server().github.requests.length
    expect(await relay(both)).toMatchObject({ packBytes: 0, outcomes: [] })
    expect(server().bitbucket.requests.length + server().github.requests.length - before).toBe(2)
    const tip = git(both.sourcePath, ['commit-tree', '-p', 'main', '-m', 'new', 'main^{tree}']).trim()
    git(both.sourcePath, ['update-ref', 'refs/heads/main', tip])
    const second = await relay(both)
    expect(second.objects).toBe(1)
    expect(second.packBytes).toBeLessThan(first.packBytes / 100)
    expectEqual(both)
  })

  it('tells ancestors from what has diverged', async () => {
    const both = await pair({ commits: 10 }, { on: server() })
    await relay(both)
    const { source, sourcePath, targetPath } = both
    const { protocol } = await listSourceRefs(source)
    const main = git(sourcePath, ['rev-parse', 'main']).trim()
    const older = git(sourcePath, ['rev-parse', 'main~4']).trim()
    const foreign = git(targetPath, ['commit-tree', '-p', 'main', '-m', 'foreign', 'main^{tree}']).trim()
    expect(await isAncestor(source, older, main, { protocol })).toBe(true)
    expect(await isAncestor(source, foreign, main, { protocol })).toBe(false)
    // A sibling of the tip that the source knows: what leads to its parent does not lead to it.
    const sibling = git(sourcePath, ['commit-tree', '-p', 'main~1', '-m', 'sibling', 'main^{tree}']).trim()
    git(sourcePath, ['update-ref', 'refs/heads/sibling', sibling])
    expect(await isAncestor(source, sibling, main, { protocol })).toBe(false)
    if (protocol === 2) expect(await isAncestor(source, main, older, { protocol })).toBe(false)

    git(targetPath, ['update-ref', 'refs/heads/main', foreign])
    const [sourceRefs, targetRefs] = [await listSourceRefs(source), await listTargetRefs(both.target)]
    const updates = planUpdates({ source: sourceRefs, target: targetRefs })
    expect(await findDiverged({ source, sourceRefs, updates })).toEqual(['refs/heads/main'])
  })
})

describe('the relay', () => {
  it('takes an empty repository, and one whose HEAD points nowhere', async () => {
    const empty = await pair({ empty: true })
    expect(await relay(empty)).toMatchObject({ outcomes: [], packBytes: 0 })
    const unborn = await pair({ commits: 3 })
    git(unborn.sourcePath, ['symbolic-ref', 'HEAD', 'refs/heads/nowhere'])
    await relay(unborn)
    expectEqual(unborn)
  })

  it('moves ref names that are nothing but data', async () => {
    const odd = await pair({ commits: 2 })
    const names = ['__proto__', '-x', '$(id)', '<script>', 'a\u202eb', '%0d%0a', 'emoji-🌭', `${'n'.repeat(200)}/${'m'.repeat(40)}`, 'constructor']
    const tip = git(odd.sourcePath, ['rev-parse', 'main']).trim()
    for (const name of names) git(odd.sourcePath, ['update-ref', `refs/heads/${name}`, tip])
    const bytes = Buffer.concat([Buffer.from('create refs/heads/'), Buffer.from([0xff, 0xc3]), Buffer.from(` ${tip}\n`)])
    git(odd.sourcePath, ['update-ref', '--stdin'], bytes)
    git(odd.sourcePath, ['tag', '-a', 'inner', '-m', 'inner', tip])
    git(odd.sourcePath, ['tag', '-a', 'outer', '-m', 'outer', 'inner'])
    await relay(odd)
    expectEqual(odd)
    const { refs } = await listSourceRefs(odd.source)
    for (const name of names) expect(refs.get(`refs/heads/${name}`)).toEqual({ oid: tip })
    expect(refs.get('refs/tags/outer')?.peeled).toBe(tip)
  })

  it('moves 10,000 refs, and then what is new among them', async () => {
    const many = await pair({ commits: 20, tags: 9000, branches: 1000 })
    const result = await relay(many)
    expect(result.outcomes.length).toBe(10_000)
    expectEqual(many)
    git(many.sourcePath, ['update-ref', 'refs/heads/main', git(many.sourcePath, ['commit-tree', '-p', 'main', '-m', 'new', 'main^{tree}']).trim()])
    expect(await relay(many)).toMatchObject({ objects: 1 })
    expectEqual(many)
    // Thousands of `have` lines go compressed, as git sends them.
    const fetched = sandbox.bitbucket.requests.findLast(({ path }) => path.endsWith(`${many.name}.git/git-upload-pack`))
    expect(fetched?.headers['content-encoding']).toBe('gzip')
    expect(fetched?.bytesIn).toBeLessThan(9000 * 50)
  })

  it('moves a branch to where another one is in the way', async () => {
    const both = await pair({ commits: 3 })
    git(both.sourcePath, ['update-ref', 'refs/heads/a', 'main'])
    await relay(both)
    git(both.sourcePath, ['update-ref', '-d', 'refs/heads/a'])
    git(both.sourcePath, ['update-ref', 'refs/heads/a/b', 'main'])
    expect((await relay(both)).outcomes).toMatchObject([{ ref: 'refs/heads/a/b', status: 'rejected', code: 'REF_REJECTED' }])
    await relay(both, { prune: true })
    expectEqual(both)
  })

  it('moves a SHA-256 repository into one', async () => {
    const both = await pair({ commits: 10, tags: 4 }, { objectFormat: 'sha256', targetFormat: 'sha256' })
    const { source, sourcePath } = both
    await relay(both)
    expectEqual(both)
    expect((await listSourceRefs(source)).objectFormat).toBe('sha256')
    const [tip, older] = ['main', 'main~3'].map((name) => git(sourcePath, ['rev-parse', name]).trim()) as [string, string]
    expect([await isAncestor(source, older, tip), await isAncestor(source, tip, older)]).toEqual([true, false])
    expect(await relay(both)).toMatchObject({ outcomes: [] })
  })

  it('overwrites what diverged only when it is told to, and counts a tag that moved among it', async () => {
    const both = await pair({ commits: 5, tags: 2 })
    await relay(both)
    const [main, older] = ['main', 'main~2'].map((name) => git(both.sourcePath, ['rev-parse', name]).trim()) as [string, string]
    git(both.sourcePath, ['update-ref', 'refs/tags/v1', older])
    git(both.sourcePath, ['update-ref', 'refs/heads/main', older])
    const [sourceRefs, targetRefs] = [await listSourceRefs(both.source), await listTargetRefs(both.target)]
    const updates = planUpdates({ source: sourceRefs, target: targetRefs })
    expect(await findDiverged({ source: both.source, sourceRefs, updates })).toEqual(['refs/heads/main', 'refs/tags/v1'])
    expect(refsOf(both.targetPath)).toContain(`${main} refs/heads/main`)
    await relay(both)
    expectEqual(both)
  })

  it('asks once for all branches that move the same way', async () => {
    const both = await pair({ commits: 5, branches: 40 })
    await relay(both)
    const tip = git(both.sourcePath, ['commit-tree', '-p', 'main', '-m', 'new', 'main^{tree}']).trim()
    for (const ref of git(both.sourcePath, ['for-each-ref', '--format=%(refname)', '--points-at=main', 'refs/heads']).trim().split('\n')) {
      git(both.sourcePath, ['update-ref', ref, tip])
    }
    const [sourceRefs, targetRefs] = [await listSourceRefs(both.source), await listTargetRefs(both.target)]
    const updates = planUpdates({ source: sourceRefs, target: targetRefs })
    expect(updates.filter(({ kind }) => kind === 'update').length).toBeGreaterThan(1)
    const before = sandbox.bitbucket.requests.length
    expect(await findDiverged({ source: both.source, sourceRefs, updates })).toEqual([])
    expect(sandbox.bitbucket.requests.length - before).toBe(1)
  })

  it('deletes only with prune', async () => {
    const both = await pair({ commits: 3, branches: 3 })
    await relay(both)
    git(both.sourcePath, ['update-ref', '-d', 'refs/heads/branch-1'])
    await relay(both)
    expect(refsOf(both.targetPath)).toContain('refs/heads/branch-1')
    await relay(both, { prune: true })
    expectEqual(both)
  })

  it('makes a ref to what the target has already', async () => {
    const both = await pair({ commits: 3 })
    await relay(both)
    git(both.sourcePath, ['update-ref', 'refs/heads/second', git(both.sourcePath, ['rev-parse', 'main']).trim()])
    await relay(both)
    expectEqual(both)
  })

  it('reports the one ref of 500 that is refused, and moves the others', async () => {
    const both = await pair({ commits: 30, branches: 500 })
    const end = sandbox.github.rejectRefs({ name: both.name, ref: 'refs/heads/branch-77', reason: 'GH006' })
    const { outcomes } = await relay(both)
    end()
    expect(outcomes.filter(({ status }) => status === 'rejected')).toMatchObject([
      { ref: 'refs/heads/branch-77', code: 'REF_PROTECTED', reason: expect.stringContaining('protection') as string },
    ])
    expect(refsOf(both.targetPath).trim().split('\n')).toHaveLength(499)
  })

  it('moves no ref when the pack is cut short, at any tenth', async () => {
    const both = await pair({ commits: 50, blobSize: 3000 })
    const size = (await relay(await pair({ from: both.sourcePath }))).packBytes
    for (let tenth = 0; tenth < 10; tenth++) {
      sandbox.bitbucket.fault({ path: `${both.name}.git/git-upload-pack`, skip: 1, action: { truncateAfter: Math.floor((size * tenth) / 10) } })
      await expect(relay(both)).rejects.toMatchObject({ name: 'SaddleError' })
      expect(refsOf(both.targetPath)).toBe('')
    }
    await relay(both)
    expectEqual(both)
  })

  it.each([20_000, 60_000, 150_000])('moves no ref when byte %i of the pack is wrong', async (corruptAt) => {
    const both = await pair({ commits: 50, blobSize: 3000 })
    sandbox.bitbucket.fault({ path: `${both.name}.git/git-upload-pack`, skip: 1, action: { corruptAt } })
    await expect(relay(both)).rejects.toMatchObject({ name: 'SaddleError' })
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('moves no ref when the target resets in the middle', async () => {
    const both = await pair({ commits: 50, blobSize: 30_000 })
    sandbox.github.fault({ path: 'git-receive-pack', method: 'POST', action: { resetRequestAfter: 500_000 } })
    await expect(relay(both)).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('stops within a second when it is told to, and moves no ref', async () => {
    const both = await pair({ commits: 100, blobSize: 100_000 })
    const abort = new AbortController()
    const seen: number[] = []
    let stopped = 0
    const running = relay(both, {
      signal: abort.signal,
      onProgress: ({ phase, bytes }) => {
        if (phase !== 'transferring' || stopped > 0) return
        seen.push(bytes)
        stopped = performance.now()
        abort.abort()
      },
    })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    expect(performance.now() - stopped).toBeLessThan(1000)
    expect(seen).toHaveLength(1)
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('stops before the limit of a pack', async () => {
    const both = await pair({ commits: 30, blobSize: 10_000 })
    await expect(relay(both, { packLimit: 100_000 })).rejects.toMatchObject({ code: 'PACK_TOO_LARGE' })
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('says that the two sides name objects differently', async () => {
    const both = await pair({ commits: 2 }, { objectFormat: 'sha256', targetSeed: { commits: 1 } })
    await expect(relay(both)).rejects.toMatchObject({ code: 'OBJECT_FORMAT_MISMATCH' })
    const other = await pair({ commits: 2 }, { targetFormat: 'sha256' })
    await expect(relay(other)).rejects.toMatchObject({ code: 'OBJECT_FORMAT_MISMATCH' })
  })

  it.each([
    [{ packLimit: 50_000 }, 'PACK_TOO_LARGE'],
    [{ fileLimit: 50_000 }, 'LARGE_FILE'],
  ])('understands the limits of the target: %o', async (github, code) => {
    await using limited = await startSandbox({ github })
    limited.github.createOrganization({ login: 'acme' })
    const both = await pair({ commits: 3, blobSize: 100_000 }, { on: limited })
    const outcome = await relay(both).then(({ outcomes }) => outcomes[0], (error: unknown) => error)
    expect(outcome).toMatchObject({ code })
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('keeps credentials out of what it reports', async () => {
    const both = await pair({ commits: 3 })
    sandbox.github.fault({ path: 'git-receive-pack', method: 'POST', action: { status: 500, body: `no: ${sandbox.github.token}` } })
    both.target.http.redactor.add(sandbox.github.token, 'x-access-token')
    const error: unknown = await relay(both).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'UPSTREAM_ERROR' })
    expect(JSON.stringify(error)).not.toContain(sandbox.github.token)

    const end = sandbox.github.rejectRefs({ name: both.name, ref: 'refs/heads/main', reason: `no: ${sandbox.github.token}` })
    const result = await relay(both)
    end()
    expect(result.outcomes).toMatchObject([{ status: 'rejected', reason: expect.stringContaining('[redacted]') as string }])
    expect(JSON.stringify(result)).not.toContain(sandbox.github.token)
  })
})
