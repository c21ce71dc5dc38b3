import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requiredProgram } from '../../../scripts/required-program.ts'
import { startSandbox, type Sandbox } from '../src/index.ts'
import { basic, bearer, git, refsOf, rest, temporaryFolder, tryGit } from './support.ts'

let sandbox: Sandbox
let folder: string
let github: string
let bitbucket: string
const media = { accept: 'application/vnd.git-lfs+json', 'content-type': 'application/vnd.git-lfs+json' }

beforeAll(async () => {
  sandbox = await startSandbox({ github: { checkLfs: true } })
  folder = await temporaryFolder()
  github = basic('x-access-token', sandbox.github.token)
  bitbucket = bearer(sandbox.bitbucket.token)
  sandbox.github.createOrganization({ login: 'acme' })
})
afterAll(() => sandbox.close())

/** Asks a repository's LFS API for links. */
async function batch(cloneUrl: string, authorization: string | undefined, operation: 'download' | 'upload', objects: object[]) {
  const answer = await rest(cloneUrl, authorization)('POST', '/info/lfs/objects/batch', { operation, transfers: ['basic'], objects }, media)
  // The media type is one of its own, so the body was left as text.
  return { ...answer, body: typeof answer.body === 'string' && answer.body ? JSON.parse(answer.body) : answer.body }
}

const objectOf = (text: string) => ({ oid: createHash('sha256').update(text).digest('hex'), size: Buffer.byteLength(text) })
const hasLfs = requiredProgram('git-lfs', await tryGit('/', ['lfs', 'version']).then(({ ok }) => ok))

describe('at Bitbucket', () => {
  it('content comes by a header that the batch answer gives, from any byte on', async () => {
    const { cloneUrl } = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'content' })
    const { oid, size } = await sandbox.bitbucket.addLfsObject('PRJ', 'content', 'hello object')
    const { status, headers, body } = await batch(cloneUrl, bitbucket, 'download', [{ oid, size }])
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/vnd.git-lfs+json')
    const { href, header, expires_at } = body.objects[0].actions.download
    expect(Date.parse(expires_at)).toBeGreaterThan(Date.now())
    expect(href).toBe(`${sandbox.bitbucket.url}/rest/git-lfs/storage/PRJ/content/${oid}`)
    expect(await (await fetch(href, { headers: header })).text()).toBe('hello object')
    const part = await fetch(href, { headers: { ...header, range: 'bytes=6-' } })
    expect({ status: part.status, text: await part.text(), range: part.headers.get('content-range') }).toEqual({ status: 206, text: 'object', range: 'bytes 6-11/12' })
    expect((await fetch(href, { headers: { authorization: bitbucket } })).status).toBe(401)
  })

  it('what is missing or wrong is said object by object', async () => {
    const { cloneUrl } = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'missing' })
    const { oid, size } = await sandbox.bitbucket.addLfsObject('PRJ', 'missing', 'lost')
    await sandbox.bitbucket.removeLfsObject('PRJ', 'missing', oid)
    const { body } = await batch(cloneUrl, bitbucket, 'download', [{ oid, size }, { oid: 'no', size: 1 }])
    expect(body.objects).toMatchObject([{ oid, error: { code: 404 } }, { oid: 'no', error: { code: 422 } }])
  })

  it('needs the rights that git needs', async () => {
    const { cloneUrl } = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'rights', lfs: true })
    expect((await batch(cloneUrl, undefined, 'download', [])).status).toBe(401)
    sandbox.bitbucket.createUser({ name: 'reader', password: 'r' })
    expect((await batch(cloneUrl, basic('reader', 'r'), 'download', [])).status).toBe(404)
    sandbox.bitbucket.setPermission({ project: 'PRJ', repository: 'rights', user: 'reader', permission: 'REPO_READ' })
    expect((await batch(cloneUrl, basic('reader', 'r'), 'download', [])).status).toBe(200)
    expect((await batch(cloneUrl, basic('reader', 'r'), 'upload', [])).status).toBe(403)
    expect((await batch(cloneUrl, bearer(sandbox.bitbucket.createToken({ project: 'PRJ' }, 'WRITE')), 'upload', [])).status).toBe(200)
  })

  it('is switched on or off for each repository, which tokens may not ask', async () => {
    const path = '/rest/git-lfs/admin/projects/PRJ/repos/switch/enabled'
    const { cloneUrl } = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'switch', lfs: true })
    const ask = rest(sandbox.bitbucket.url, basic('admin', sandbox.bitbucket.adminPassword))
    expect((await ask('GET', path)).status).toBe(200)
    expect((await rest(sandbox.bitbucket.url, bitbucket)('GET', path)).status).toBe(401)
    sandbox.bitbucket.updateRepository('PRJ', 'switch', { lfs: false })
    expect((await ask('GET', path)).status).toBe(404)
    expect((await batch(cloneUrl, bitbucket, 'download', [])).status).toBe(404)
  })
})

describe('at GitHub', () => {
  async function uploadLink(name: string, text: string) {
    const { cloneUrl } = await sandbox.github.createRepository({ owner: 'acme', name })
    const object = objectOf(text)
    const { body } = await batch(cloneUrl, github, 'upload', [object])
    return { cloneUrl, object, actions: body.objects[0].actions }
  }

  it('content goes to another host, which takes no credentials but its own', async () => {
    const { cloneUrl, object, actions: { upload, verify } } = await uploadLink('up', 'content')
    expect(new URL(upload.href).host).not.toBe(new URL(sandbox.github.url).host)
    const put = (headers: Record<string, string>, body = 'content') => fetch(upload.href, { method: 'PUT', body, headers })
    expect((await put({ ...upload.header, authorization: github })).status).toBe(400)
    expect((await put({})).status).toBe(403)
    expect((await put(upload.header, 'something else')).status).toBe(400)
    const check = () => fetch(verify.href, { method: 'POST', headers: { ...verify.header, ...media }, body: JSON.stringify(object) })
    expect((await check()).status).toBe(404)
    expect((await put(upload.header)).status).toBe(200)
    expect((await check()).status).toBe(200)
    expect(await sandbox.github.lfsObjectSize('acme', 'up', object.oid)).toBe(7)
    // What is there needs no second upload.
    expect((await batch(cloneUrl, github, 'upload', [object])).body.objects).toEqual([object])
  })

  it('links end', async () => {
    await using brief = await startSandbox({ github: { lfs: { linkTtlSeconds: -1 } } })
    const { cloneUrl } = await brief.github.createRepository({ owner: 'admin', name: 'r' })
    const { oid, size } = await brief.github.addLfsObject('admin', 'r', { size: 3_000_000 })
    const { body } = await batch(cloneUrl, basic('x', brief.github.token), 'download', [{ oid, size }])
    const late = await fetch(body.objects[0].actions.download.href)
    expect({ status: late.status, text: await late.text() }).toEqual({ status: 403, text: 'Request has expired\n' })
  })

  it('a push of pointers without their objects is refused with GH008', async () => {
    const { cloneUrl, path } = await sandbox.github.createRepository({ owner: 'acme', name: 'pointers' })
    const source = await sandbox.bitbucket.createRepository({
      project: 'PRJ', slug: 'pointers', seed: { commits: 2, lfs: { count: 3, size: [10, 5000], missing: 1 } },
    })
    const clone = join(folder, 'pointers')
    await git(folder, ['clone', '--mirror', source.cloneUrl, clone], bitbucket)
    const push = () => tryGit(clone, ['push', cloneUrl, 'main'], github)
    const refused = await push()
    expect(refused.err).toMatch(/remote: error: GH008: Your push referenced at least 3 unknown Git LFS object/)
    expect(refused.err).toContain('(pre-receive hook declined)')
    expect(await refsOf(path)).toBe('')
    const pointers = await git(source.path, ['log', '-p', '--format=', 'main', '--', 'objects'])
    const named = [...pointers.matchAll(/^\+oid sha256:(\w+)\n\+size (\d+)/gm)].map(([, oid, size]) => ({ oid, size: Number(size) }))
    expect(named).toHaveLength(3)
    const { body } = await batch(source.cloneUrl, bitbucket, 'download', named)
    expect(body.objects.filter(({ error }: { error?: object }) => error)).toHaveLength(1)
    for (const { size } of named) expect(size).toBeLessThanOrEqual(5000)
  })
})

describe.runIf(hasLfs)('with an unmodified git-lfs', () => {
  it('objects go up to GitHub and come down from Bitbucket', async () => {
    const source = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'client', seed: { commits: 2, lfs: { count: 6, size: [1000, 200_000] } } })
    const target = await sandbox.github.createRepository({ owner: 'acme', name: 'client' })
    const clone = join(folder, 'client')
    await git(folder, ['clone', '-q', '--bare', source.cloneUrl, clone], bitbucket)
    await git(clone, ['lfs', 'fetch', '--all', 'origin'], bitbucket, sandbox.bitbucket.url)
    await git(clone, ['config', 'lfs.locksverify', 'false'])
    await git(clone, ['lfs', 'push', '--all', target.cloneUrl], github, sandbox.github.webUrl)
    await git(clone, ['push', target.cloneUrl, 'main'], github)
    const work = join(folder, 'work')
    await git(folder, ['-c', 'filter.lfs.process=git-lfs filter-process', '-c', 'filter.lfs.required=true', '-c', 'filter.lfs.smudge=git-lfs smudge -- %f', 'clone', '-q', target.cloneUrl, work], github, sandbox.github.webUrl)
    await git(work, ['lfs', 'fetch', '--all'], github, sandbox.github.webUrl)
    expect(await git(work, ['lfs', 'fsck'])).toContain('fsck OK')
    expect((await git(work, ['lfs', 'ls-files', '--all'])).trim().split('\n')).toHaveLength(6)
    const [first = ''] = (await git(work, ['lfs', 'ls-files', '--long'])).split('\n')
    const content = await readFile(join(work, first.split(' ')[2]!))
    expect(createHash('sha256').update(content).digest('hex')).toBe(first.split(' ')[0])
  })
})
