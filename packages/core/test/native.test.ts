import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { listSourceRefs, listTargetRefs, planUpdates } from '@saddle/git-relay'
import { startSandbox, type Sandbox, type Seed } from '@saddle/sandbox'
import { HttpClient, type GitRemote } from '@saddle/transport'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TransferResult } from '../src/git/backend.ts'
import { NativeBackend } from '../src/git/native.ts'
import { setStage } from './stage.ts'

let sandbox: Sandbox
let workDirectory: string
let number = 0

beforeAll(async () => {
  sandbox = await startSandbox()
  sandbox.github.createOrganization({ login: 'acme' })
  workDirectory = mkdtempSync(join(tmpdir(), 'saddle-native-'))
})
afterAll(async () => {
  await sandbox.close()
  rmSync(workDirectory, { recursive: true, force: true })
})

const git = (path: string, ...args: string[]): string =>
  execFileSync('git', ['-C', path, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: 1 << 26 })
const refsOf = (path: string): string => git(path, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags', 'refs/notes')

async function pair(seed: Seed) {
  const name = `repo-${++number}`
  const source = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: name, seed })
  const target = await sandbox.github.createRepository({ owner: 'acme', name })
  const remote = (url: string, authorization: string): GitRemote => {
    const http = new HttpClient({ baseUrl: new URL(url).origin, authorize: () => ({ authorization }) })
    http.redactor.add(authorization.split(' ')[1]!)
    return { url, http }
  }
  return {
    name,
    sourcePath: source.path,
    targetPath: target.path,
    source: remote(source.cloneUrl, `Bearer ${sandbox.bitbucket.token}`),
    target: remote(target.cloneUrl, `Basic ${Buffer.from(`x-access-token:${sandbox.github.token}`).toString('base64')}`),
  }
}

async function transfer({ source, target }: Awaited<ReturnType<typeof pair>>, options: { packBytes?: number; prune?: boolean; signal?: AbortSignal; fileLimitBytes?: number } = {}): Promise<TransferResult> {
  const { packBytes, prune, signal, fileLimitBytes } = options
  const sourceRefs = await listSourceRefs(source, { prefixes: ['HEAD', 'refs/heads/', 'refs/tags/', 'refs/notes/'] })
  const targetRefs = await listTargetRefs(target)
  const updates = planUpdates({ source: sourceRefs, target: targetRefs, ...(prune ? { prune } : {}) })
  const backend = new NativeBackend({ workDirectory, ...(fileLimitBytes === undefined ? {} : { fileLimitBytes }) })
  return backend.transfer({ source, target, sourceRefs, targetRefs, updates, ...(packBytes === undefined ? {} : { limits: { packBytes } }) }, signal ? { signal } : {})
}

describe('the native backend', () => {
  it('moves branches, tags and notes, and leaves nothing on disk', async () => {
    const both = await pair({ commits: 30, branches: 4, tags: 4, notes: true })
    const { outcomes, objects } = await transfer(both)
    expect(outcomes.every(({ status }) => status === 'ok')).toBe(true)
    expect(objects).toBeGreaterThan(0)
    expect(refsOf(both.targetPath)).toBe(refsOf(both.sourcePath))
    expect(readdirSync(workDirectory)).toEqual([])
  })

  it('updates, deletes with prune, and moves odd names', async () => {
    const both = await pair({ commits: 5, branches: 3 })
    await transfer(both)
    for (const name of ['__proto__', '-x', '$(id)', '🌭']) git(both.sourcePath, 'update-ref', `refs/heads/${name}`, 'refs/heads/main')
    git(both.sourcePath, 'update-ref', '-d', 'refs/heads/branch-1')
    git(both.sourcePath, 'update-ref', 'refs/heads/main', git(both.sourcePath, 'commit-tree', '-p', 'main', '-m', 'new', 'main^{tree}').trim())
    await transfer(both, { prune: true })
    expect(refsOf(both.targetPath)).toBe(refsOf(both.sourcePath))
  })

  it('goes in steps where the pack is over the limit', async () => {
    const both = await pair({ commits: 60, blobSize: 10_000, branches: 3, tags: 3 })
    sandbox.github.clearRequests()
    await transfer(both, { packBytes: 200_000 })
    expect(refsOf(both.targetPath)).toBe(refsOf(both.sourcePath))
    git(both.targetPath, 'fsck', '--full')
    const pushes = sandbox.github.requests.filter(({ method, path }) => method === 'POST' && path.includes('git-receive-pack'))
    expect(pushes.length).toBeGreaterThan(2)
    expect(Math.max(...pushes.map(({ bytesIn }) => bytesIn))).toBeLessThan(260_000)
  })

  it('reports a refused ref and moves the others', async () => {
    const both = await pair({ commits: 5, branches: 4 })
    const end = sandbox.github.rejectRefs({ name: both.name, ref: 'refs/heads/branch-2', reason: 'GH013' })
    const { outcomes } = await transfer(both)
    end()
    expect(outcomes.filter(({ status }) => status === 'rejected')).toMatchObject([{ ref: 'refs/heads/branch-2', code: 'RULE_VIOLATION' }])
  })

  it('finds large files before anything is pushed', async () => {
    const both = await pair({ commits: 2, files: { 'data/big.bin': Buffer.alloc(300_000, 7) } })
    await expect(transfer(both, { fileLimitBytes: 200_000 })).rejects.toMatchObject({ code: 'LARGE_FILE', message: expect.stringContaining('data/big.bin') as string })
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('says which credentials are wrong without showing them', async () => {
    const both = await pair({ commits: 2 })
    const sourceRefs = await listSourceRefs(both.source)
    const targetRefs = await listTargetRefs(both.target)
    const updates = planUpdates({ source: sourceRefs, target: targetRefs })
    const http = new HttpClient({ baseUrl: new URL(both.source.url).origin, authorize: () => ({ authorization: 'Bearer not-a-token-at-all' }) })
    const wrong = { url: both.source.url, http }
    const error: unknown = await new NativeBackend({ workDirectory }).transfer({ source: wrong, target: both.target, sourceRefs, targetRefs, updates }, {}).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    expect(readdirSync(workDirectory)).toEqual([])
  })

  it('stops when told to, and cleans up', async () => {
    const both = await pair({ commits: 50, blobSize: 50_000 })
    const abort = new AbortController()
    const running = transfer(both, { signal: abort.signal })
    abort.abort()
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    expect(readdirSync(workDirectory)).toEqual([])
    expect(refsOf(both.targetPath)).toBe('')
  })

  it('goes on with a fetch that broke off, and is not sent again what is there', async () => {
    const both = await pair({ commits: 60, blobSize: 10_000 })
    // The listings of ours and of git pass; then half of the history.
    const fault = sandbox.bitbucket.fault({ method: 'POST', path: `${both.name}.git/git-upload-pack`, skip: 2, action: { resetAfter: 300_000 } })
    await transfer(both)
    expect(fault.hits).toBe(1)
    expect(refsOf(both.targetPath)).toBe(refsOf(both.sourcePath))
    // After the break it came in parts, none of them large, down to the last fetch by name.
    const sent = sandbox.bitbucket.requests.filter(({ method, path }) => method === 'POST' && path.includes(`${both.name}.git/git-upload-pack`)).map(({ bytesOut }) => bytesOut)
    expect(sent.filter((bytes) => bytes > 20_000 && bytes < 100_000).length).toBeGreaterThan(10)
    expect(sent.at(-1)).toBeLessThan(100_000)
  })

  it('clears away what a process that is gone has left', async () => {
    const left = join(workDirectory, 'saddle-git-left')
    mkdirSync(left)
    // A process number beyond what Linux hands out.
    writeFileSync(join(left, 'owner.json'), JSON.stringify({ host: hostname(), pid: 2 ** 22 + 5, started: 0 }))
    await transfer(await pair({ commits: 1 }))
    expect(readdirSync(workDirectory)).toEqual([])
  })
})

describe('the engine', () => {
  it('goes in steps where the pack is too large for one push', async () => {
    await using stage = await setStage()
    const { engine } = stage.engine({ packBytes: 200_000 })
    const seeded = await stage.seed({ seed: { commits: 50, blobSize: 10_000 } })
    const report = await engine.migrate(seeded.request)
    expect(report).toMatchObject({ status: 'completed', gitBackend: { name: 'relay' } })
    expect(seeded.targetRefs()).toBe(seeded.refs())
    const pushes = stage.sandbox.github.requests.filter(({ method, path }) => method === 'POST' && path.includes('git-receive-pack'))
    expect(pushes.length).toBeGreaterThan(2)
  })

  it('uses git on disk when it is asked for', async () => {
    await using stage = await setStage()
    const seeded = await stage.seed({ seed: { commits: 3 } })
    const report = await stage.engine().engine.migrate({ ...seeded.request, options: { git: 'native' } })
    expect(report.gitBackend?.name).toBe('native')
    expect(seeded.targetRefs()).toBe(seeded.refs())
  })
})
