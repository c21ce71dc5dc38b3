import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSandbox, type Sandbox } from '../src/index.ts'
import { basic, bearer, git, refsOf, temporaryFolder, tryGit } from './support.ts'

let sandbox: Sandbox
let folder: string
let github: string
let bitbucket: string

beforeAll(async () => {
  sandbox = await startSandbox({ github: { packLimit: 300_000, fileLimit: 100_000 } })
  folder = await temporaryFolder()
  github = basic('x-access-token', sandbox.github.token)
  bitbucket = bearer(sandbox.bitbucket.token)
  sandbox.github.createOrganization({ login: 'acme' })
})
afterAll(() => sandbox.close())

let number = 0
const fresh = () => join(folder, `clone-${++number}`)

describe('with an unmodified git', () => {
  it('clones from Bitbucket, pushes to GitHub and finds the same refs', async () => {
    const source = await sandbox.bitbucket.createRepository({
      project: 'PRJ', slug: 'whole', seed: { commits: 30, branches: 4, tags: 5, notes: true },
    })
    const target = await sandbox.github.createRepository({ owner: 'acme', name: 'whole' })
    const clone = fresh()
    await git(folder, ['clone', '--mirror', source.cloneUrl, clone], bitbucket)
    expect((await refsOf(clone)).trim().split('\n')).toHaveLength(10)
    await git(clone, ['push', target.cloneUrl, 'refs/heads/*:refs/heads/*', 'refs/tags/*:refs/tags/*', 'refs/notes/*:refs/notes/*'], github)
    expect(await refsOf(target.path)).toBe(await refsOf(source.path))
    const again = fresh()
    await git(folder, ['clone', '--mirror', target.cloneUrl, again], github)
    expect(await refsOf(again)).toBe(await refsOf(source.path))
    await git(again, ['fsck', '--full', '--strict'])
  })

  it('asks for credentials as the vendors do', async () => {
    const source = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'closed' })
    const target = await sandbox.github.createRepository({ owner: 'acme', name: 'closed' })
    for (const url of [source.cloneUrl, target.cloneUrl]) {
      const anonymous = await fetch(`${url}/info/refs?service=git-upload-pack`)
      expect(anonymous.status).toBe(401)
      expect(anonymous.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    }
    expect((await tryGit(folder, ['ls-remote', source.cloneUrl], basic('admin', 'wrong'))).ok).toBe(false)
    expect((await tryGit(folder, ['ls-remote', source.cloneUrl], basic('admin', sandbox.bitbucket.token))).ok).toBe(true)
    expect((await tryGit(folder, ['ls-remote', source.cloneUrl], basic('admin', sandbox.bitbucket.adminPassword))).ok).toBe(true)
    expect((await tryGit(folder, ['ls-remote', target.cloneUrl], basic('anything', sandbox.github.token))).ok).toBe(true)
    expect((await tryGit(folder, ['ls-remote', target.cloneUrl], basic('x-access-token', 'wrong'))).ok).toBe(false)
  })

  it('lets project tokens in as bearer only', async () => {
    const source = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'tokens' })
    const token = sandbox.bitbucket.createToken({ project: 'PRJ' }, 'READ')
    expect((await tryGit(folder, ['ls-remote', source.cloneUrl], bearer(token))).ok).toBe(true)
    expect((await tryGit(folder, ['ls-remote', source.cloneUrl], basic('admin', token))).ok).toBe(false)
    expect((await tryGit(folder, ['ls-remote', source.cloneUrl], basic('x-token-auth', token))).ok).toBe(false)
  })

  it('refuses pushes into archived repositories', async () => {
    const source = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'old', archived: true })
    const target = await sandbox.github.createRepository({ owner: 'acme', name: 'old', archived: true, seed: { commits: 1 } })
    const clone = fresh()
    await git(folder, ['clone', source.cloneUrl, clone], bitbucket)
    const first = await tryGit(clone, ['push', source.cloneUrl, 'HEAD:refs/heads/new'], bitbucket)
    expect(first).toMatchObject({ ok: false, err: expect.stringContaining('403') as string })
    const second = await tryGit(clone, ['push', target.cloneUrl, 'HEAD:refs/heads/new'], github)
    expect(second).toMatchObject({ ok: false, err: expect.stringContaining('This repository was archived so it is read-only.') as string })
  })

  it('shows the refs of pull requests, and lets nobody write them', async () => {
    const source = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'pulls', seed: { commits: 4, branches: 2 } })
    await sandbox.bitbucket.createPullRequest({ project: 'PRJ', slug: 'pulls', title: 'T', from: 'branch-1', to: 'main' })
    const listed = await git(folder, ['ls-remote', source.cloneUrl], bitbucket)
    expect(listed).toContain('refs/pull-requests/1/from')
    expect(listed).toContain('refs/pull-requests/1/merge')
    const target = await sandbox.github.createRepository({ owner: 'acme', name: 'pulls' })
    const clone = fresh()
    await git(folder, ['clone', source.cloneUrl, clone], bitbucket)
    const push = await tryGit(clone, ['push', target.cloneUrl, 'HEAD:refs/heads/main', 'HEAD:refs/pull/1/head'], github)
    expect(push.err).toContain('deny updating a hidden ref')
    expect(await refsOf(target.path)).toContain('refs/heads/main')
  })

  it('refuses the refs that a rule names, in the words of GitHub, and takes the others', async () => {
    const target = await sandbox.github.createRepository({ owner: 'acme', name: 'ruled' })
    const source = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'ruled', seed: { commits: 3, branches: 6 } })
    const end = [
      sandbox.github.rejectRefs({ name: 'ruled', ref: 'refs/heads/branch-1', reason: 'GH006' }),
      sandbox.github.rejectRefs({ name: 'ruled', ref: /branch-2$/, reason: 'GH013' }),
      sandbox.github.rejectRefs({ name: 'ruled', ref: 'refs/heads/branch-3', reason: 'our own reason' }),
    ]
    const clone = fresh()
    await git(folder, ['clone', '--mirror', source.cloneUrl, clone], bitbucket)
    const push = await tryGit(clone, ['push', target.cloneUrl, 'refs/heads/*:refs/heads/*'], github)
    expect(push.ok).toBe(false)
    expect(push.err).toContain('remote: error: GH006: Protected branch update failed for refs/heads/branch-1')
    expect(push.err).toMatch(/! \[remote rejected\] branch-1 -> branch-1 \(protected branch hook declined\)/)
    expect(push.err).toMatch(/! \[remote rejected\] branch-2 -> branch-2 \(push declined due to repository rule violations\)/)
    expect(push.err).toMatch(/! \[remote rejected\] branch-3 -> branch-3 \(our own reason\)/)
    expect((await refsOf(target.path)).match(/refs\/heads\/\S+/g)).toEqual(['refs/heads/branch-4', 'refs/heads/branch-5', 'refs/heads/main'])
    end.forEach((remove) => remove())
    expect((await tryGit(clone, ['push', target.cloneUrl, 'refs/heads/*:refs/heads/*'], github)).ok).toBe(true)
  })

  it('refuses packs and files over the limits, and moves no ref', async () => {
    const target = await sandbox.github.createRepository({ owner: 'acme', name: 'limits' })
    const work = fresh()
    await git(folder, ['init', '-q', '-b', 'main', work])
    await writeFile(join(work, 'big file.txt'), 'a'.repeat(150_000))
    await git(work, ['add', '.'])
    await git(work, ['commit', '-q', '-m', 'big'])
    const file = await tryGit(work, ['push', target.cloneUrl, 'main'], github)
    expect(file.err).toContain("File big file.txt is 0.14 MB; this exceeds GitHub's file size limit of 0.10 MB")
    expect(file.err).toContain('GH001: Large files detected.')
    expect(file.err).toContain('[remote rejected] main -> main (pre-receive hook declined)')
    expect(await refsOf(target.path)).toBe('')

    const large = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'limits', seed: { commits: 8, blobSize: 50_000 } })
    const clone = fresh()
    await git(folder, ['clone', '--mirror', large.cloneUrl, clone], bitbucket)
    const pack = await tryGit(clone, ['push', target.cloneUrl, 'main'], github)
    expect(pack.err).toContain('pack exceeds maximum allowed size')
    expect(await refsOf(target.path)).toBe('')
  })

  it('makes the first branch pushed the default where there is none of its name', async () => {
    const target = await sandbox.github.createRepository({ owner: 'acme', name: 'first' })
    const source = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'first', defaultBranch: 'trunk' })
    const clone = fresh()
    await git(folder, ['clone', source.cloneUrl, clone], bitbucket)
    await git(clone, ['push', target.cloneUrl, 'trunk'], github)
    expect(await git(folder, ['ls-remote', '--symref', target.cloneUrl, 'HEAD'], github)).toContain('ref: refs/heads/trunk')
    expect(sandbox.github.repository('acme', 'first')?.defaultBranch).toBe('trunk')
  })
})

describe('protocols', () => {
  it('speaks version 2 with filters, or version 0 without', async () => {
    await using old = await startSandbox({ bitbucket: { protocol: 0 } })
    const capabilities = async (server: Sandbox): Promise<string> => {
      const { cloneUrl } = await server.bitbucket.createRepository({ project: 'PRJ', slug: 'spoken' })
      const answer = await fetch(`${cloneUrl}/info/refs?service=git-upload-pack`, {
        headers: { authorization: bearer(server.bitbucket.token), 'git-protocol': 'version=2' },
      })
      return answer.text()
    }
    expect(await capabilities(sandbox)).toMatch(/version 2\n[^]*fetch=[^\n]*filter/)
    const zero = await capabilities(old)
    expect(zero).toContain(' refs/heads/main')
    expect(zero).not.toMatch(/version 2|filter|allow-reachable-sha1-in-want|allow-tip-sha1-in-want/)
  })

  it('takes compressed requests', async () => {
    const many = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'many', seed: { commits: 60, branches: 60 } })
    sandbox.bitbucket.clearRequests()
    const clone = fresh()
    await git(folder, ['clone', '--mirror', many.cloneUrl, clone], bitbucket)
    expect(sandbox.bitbucket.requests.map(({ headers }) => headers['content-encoding'])).toContain('gzip')
    expect(await refsOf(clone)).toBe(await refsOf(many.path))
  })
})

describe('generated histories', () => {
  it('are the same for the same seed, and have what was asked for', async () => {
    const seed = { commits: 10, branches: 3, tags: 4, notes: true, filesPerCommit: 2, random: 7, files: { '.gitattributes': '* text\n' } }
    const [one, other] = await Promise.all(['a', 'b'].map((slug) => sandbox.bitbucket.createRepository({ project: 'SEED', slug, seed })))
    expect(await refsOf(one!.path)).toBe(await refsOf(other!.path))
    expect((await git(one!.path, ['rev-list', '--count', 'main'])).trim()).toBe('10')
    expect((await git(one!.path, ['for-each-ref', '--format=%(objecttype)', 'refs/tags'])).trim().split('\n').sort()).toEqual(['commit', 'commit', 'tag', 'tag'])
    expect(await git(one!.path, ['show', 'main:.gitattributes'])).toBe('* text\n')
    expect(await git(one!.path, ['notes', 'show', 'main'])).toBe('Reviewed-by: Ada Example\n')
    await git(one!.path, ['fsck', '--full', '--strict'])
  })

  it('come from a local repository, its branches, tags and notes alone', async () => {
    const origin = await sandbox.bitbucket.createRepository({ project: 'SEED', slug: 'origin', defaultBranch: 'dev', seed: { commits: 5, tags: 2, notes: true } })
    await git(origin.path, ['update-ref', 'refs/other/x', 'dev'])
    const copy = await sandbox.github.createRepository({ owner: 'acme', name: 'copy', seed: { from: origin.path } })
    expect(await refsOf(copy.path)).toBe(await refsOf(origin.path))
    expect((await git(copy.path, ['symbolic-ref', 'HEAD'])).trim()).toBe('refs/heads/dev')
    expect(await git(copy.path, ['for-each-ref', 'refs/other'])).toBe('')
  })

  it('may be of SHA-256', async () => {
    const wide = await sandbox.bitbucket.createRepository({ project: 'SEED', slug: 'wide', objectFormat: 'sha256', seed: { commits: 2, notes: true } })
    expect((await git(folder, ['ls-remote', wide.cloneUrl], bitbucket)).split('\t')[0]).toHaveLength(64)
  })
})
