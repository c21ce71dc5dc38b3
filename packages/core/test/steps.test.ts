import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type { SandboxOptions } from '@saddle/sandbox'
import { describe, expect, it, onTestFinished } from 'vitest'
import { BitbucketClient, SqliteStore, type MigrationEngineOptions } from '../src/index.ts'
import { stepNamespace } from '../src/git/steps.ts'
import { eventually } from '../src/test-functions.ts'
import { addHistory } from './history.ts'
import { impatient, setStage, type Seeded, type Stage } from './stage.ts'

const limit = 200_000
/** Not synchronous: the servers are in this process. */
const run = promisify(execFile)

async function stageOf(options: SandboxOptions = {}): Promise<Stage> {
  const stage = await setStage(options)
  onTestFinished(() => stage.close())
  return stage
}

/** Three times the limit and more: two lines that a merge joins, branches, and a history that only a tag leads to. */
async function seedLarge(stage: Stage): Promise<Seeded> {
  const seeded = await stage.seed({ seed: { commits: 30, blobSize: 10_000, branches: 3, tags: 3, notes: true } })
  addHistory(seeded.path, [
    { ref: 'refs/heads/side', commits: 25, blobSize: 10_000 },
    { ref: 'refs/heads/main', commits: 1, blobSize: 100, from: 'refs/heads/main', merge: 'refs/heads/side' },
    { ref: 'refs/heads/lost', commits: 25, blobSize: 10_000 },
  ])
  seeded.git('tag', '-a', '-m', 'only this leads there', 'only', 'refs/heads/lost')
  seeded.git('update-ref', '-d', 'refs/heads/lost')
  return seeded
}

/** The oracle: a fresh clone of the target is sound and has the source's refs. */
async function expectArrived(stage: Stage, seeded: Seeded): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'saddle-steps-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { github } = stage.sandbox
  const clone = `${github.webUrl}/acme/${seeded.slug}.git`.replace('//', `//x-access-token:${github.token}@`)
  await run('git', ['clone', '--quiet', '--mirror', clone, folder])
  await run('git', ['-C', folder, 'fsck', '--full', '--strict'])
  const { stdout } = await run('git', ['-C', folder, 'for-each-ref', '--format=%(objectname) %(refname)'])
  expect(stdout.trim()).toBe(seeded.refs())
}

const pushes = (stage: Stage) => stage.sandbox.github.requests.filter(({ method, path }) => method === 'POST' && path.includes('git-receive-pack'))

async function migrate(stage: Stage, seeded: Seeded, git: 'auto' | 'relay' | 'native' | 'isomorphic', options: Partial<MigrationEngineOptions> = { packBytes: limit }) {
  const { engine, events } = stage.engine(options)
  const report = await engine.migrate({ ...seeded.request, options: { git } })
  const messages = events.flatMap((event) => (event.type === 'message' ? [event.text] : []))
  return { report, messages }
}

describe('a repository of several times the limit', () => {
  it.each(['relay', 'native', 'auto'] as const)('arrives in steps by %s, no push over the limit', async (git) => {
    const stage = await stageOf({ github: { packLimit: limit } })
    const seeded = await seedLarge(stage)
    const { report } = await migrate(stage, seeded, git)
    expect(report).toMatchObject({ status: 'completed', losses: [], gitBackend: { name: git === 'native' ? 'native' : 'relay' } })
    if (git !== 'native') expect(report.gitBackend?.reason).toMatch(/in \d+ steps/)
    await expectArrived(stage, seeded)
    expect(seeded.refs()).not.toContain(stepNamespace)
    expect(stage.targetGit(seeded.slug, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    expect(pushes(stage).length).toBeGreaterThan(4)
  })

  it.each(['relay', 'native'] as const)('arrives by %s where the limit of the target is lower than is known', async (git) => {
    const stage = await stageOf({ github: { packLimit: limit } })
    const seeded = await seedLarge(stage)
    await migrate(stage, seeded, git, {})
    await expectArrived(stage, seeded)
  })

  it('goes on with git on disk, and says so in a line, where the source speaks no version 2', async () => {
    const stage = await stageOf({ bitbucket: { protocol: 0 }, github: { packLimit: limit } })
    const seeded = await seedLarge(stage)
    const { report, messages } = await migrate(stage, seeded, 'auto')
    expect(report.gitBackend).toMatchObject({ name: 'native', reason: expect.stringContaining('version 2') as string })
    expect(messages.filter((text) => text.startsWith('Going on with git on disk'))).toHaveLength(1)
    await expectArrived(stage, seeded)
  })

  it('is refused by the relay alone where the source cannot be cut, with the reason, and nothing moved', async () => {
    const stage = await stageOf()
    const seeded = await seedLarge(stage)
    stage.sandbox.bitbucket.fault({ path: `${seeded.slug}.git/info/refs`, times: 9, action: { replaceBody: (body) => body.replace('filter', 'nofilt') } })
    await expect(migrate(stage, seeded, 'relay')).rejects.toMatchObject({ code: 'PACK_TOO_LARGE', message: expect.stringContaining('filters') as string })
    expect(seeded.targetRefs()).toBe('')
  })

  it('goes on with git on disk where the source gives out only what its refs point to', async () => {
    const stage = await stageOf()
    const seeded = await seedLarge(stage)
    const refuse = 'ERR upload-pack: not our ref\n'
    const packet = (refuse.length + 4).toString(16).padStart(4, '0') + refuse
    // The listing, the whole pack, the commits; then the first step.
    const fault = stage.sandbox.bitbucket.fault({ method: 'POST', path: `${seeded.slug}.git/git-upload-pack`, skip: 3, action: { replaceBody: () => packet } })
    const { report } = await migrate(stage, seeded, 'auto')
    expect(fault.hits).toBe(1)
    expect(report.gitBackend).toMatchObject({ name: 'native', reason: expect.stringContaining('not our ref') as string })
    await expectArrived(stage, seeded)
  })

  it('goes in steps at once where its size is known', async () => {
    const stage = await stageOf()
    const seeded = await stage.seed({ seed: { commits: 60, blobSize: 10_000 } })
    const { bitbucket } = stage.sandbox
    // Bitbucket tells sizes to who logs in with a password.
    const client = new BitbucketClient({ baseUrl: bitbucket.url, auth: { username: bitbucket.adminUsername, password: bitbucket.adminPassword }, retry: impatient })
    const { report } = await migrate(stage, seeded, 'relay', { packBytes: limit, bitbucket: client }).finally(() => client.close())
    await expectArrived(stage, seeded)
    // Nothing was sent in vain.
    const sent = pushes(stage).reduce((sum, { bytesIn }) => sum + bytesIn, 0)
    expect(sent).toBeLessThan(1.1 * report.transferred.bytes)
  })

  it('names the commit that is over the limit by itself', async () => {
    const stage = await stageOf()
    const seeded = await stage.seed({ seed: { commits: 10, blobSize: 10_000 } })
    addHistory(seeded.path, [{ ref: 'refs/heads/main', commits: 1, blobSize: 2 * limit, from: 'refs/heads/main' }])
    await expect(migrate(stage, seeded, 'relay')).rejects.toMatchObject({ code: 'PACK_TOO_LARGE', message: expect.stringContaining(seeded.git('rev-parse', 'main')) as string })
  })
})

describe('a migration in steps', () => {
  const start = (stage: Stage, { request }: Seeded, git: string, folder: string, path?: string) =>
    stage.start('crash-child.mjs', { path, request: { ...request, options: { git } }, leaseMs: 150, packBytes: limit }, { ...process.env, TMPDIR: folder })

  it.each(['relay', 'native'] as const)('by %s goes on when it is run again, killed between any two steps', { timeout: 300_000 }, async (git) => {
    const stage = await stageOf({ github: { packLimit: limit } })
    const folder = mkdtempSync(join(tmpdir(), 'saddle-steps-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    // Smaller than the others, as it is made many times.
    const seedSmall = async () => {
      const seeded = await stage.seed({ seed: { commits: 24, blobSize: 10_000, tags: 2 } })
      addHistory(seeded.path, [
        { ref: 'refs/heads/side', commits: 16, blobSize: 10_000 },
        { ref: 'refs/heads/main', commits: 1, blobSize: 100, from: 'refs/heads/main', merge: 'refs/heads/side' },
      ])
      return seeded
    }
    let midway = 0
    for (let skip = 1; ; skip++) {
      const seeded = await seedSmall()
      const path = join(folder, `${seeded.slug}.db`)
      const running = start(stage, seeded, git, folder, path)
      const exited = once(running, 'exit') as Promise<[number | null, string | null]>
      const gone = async () => {
        running.kill('SIGKILL')
        await exited
      }
      const fault = stage.sandbox.github.fault({ method: 'POST', path: `${seeded.slug}.git/git-receive-pack`, skip, action: { before: gone } })
      const [code, signal] = await exited
      fault.remove()
      // A git program that the killed process had started still ends its push.
      await eventually(async () => pushes(stage).every(({ durationMs }) => durationMs !== undefined) || undefined)
      expect(code === 0 || signal === 'SIGKILL').toBe(true)
      if (signal === 'SIGKILL' && seeded.targetRefs() !== '') midway++
      const store = await SqliteStore.open({ path })
      const { report } = await migrate(stage, seeded, git, { packBytes: limit, store, leaseMs: 150 }).finally(() => store.close())
      expect(report.status).toBe('completed')
      await expectArrived(stage, seeded)
      if (signal !== 'SIGKILL') break
    }
    expect(midway).toBeGreaterThan(1)
    // What the killed processes left is cleared away by the next that needs the folder.
    const left = start(stage, await stage.seed({ seed: { commits: 1 } }), 'native', folder)
    await once(left, 'exit')
    expect(readdirSync(folder).filter((name) => name.startsWith('saddle-git-'))).toEqual([])
  })

  it('by the relay writes no byte of the repository to a disk', async () => {
    const stage = await stageOf()
    const seeded = await seedLarge(stage)
    const folder = mkdtempSync(join(tmpdir(), 'saddle-steps-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const output = await text(start(stage, seeded, 'relay', folder).stdout)
    await expectArrived(stage, seeded)
    const { files, writtenBytes } = JSON.parse(output) as { files: string[]; writtenBytes: number }
    expect(files).toEqual([])
    expect(writtenBytes).toBeLessThan(50_000)
  })
})
