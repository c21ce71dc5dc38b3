import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listSourceRefs, listTargetRefs, planUpdates } from '@saddle/git-relay'
import type { FaultAction } from '@saddle/sandbox'
import type { GitRemote } from '@saddle/transport'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { TransferResult } from '../src/git/backend.ts'
import { NativeBackend } from '../src/git/native.ts'
import { BitbucketClient, GitHubClient } from '../src/index.ts'
import { impatient, setStage, type Seeded, type Stage } from './stage.ts'

let stage: Stage
let from: BitbucketClient
let to: GitHubClient
let folder: string
beforeAll(async () => {
  stage = await setStage()
  const { bitbucket, github } = stage.sandbox
  from = new BitbucketClient({ baseUrl: bitbucket.url, auth: { token: bitbucket.token }, retry: impatient })
  to = new GitHubClient({ baseUrl: github.url, gitUrl: github.webUrl, auth: { token: github.token }, retry: impatient })
  folder = mkdtempSync(join(tmpdir(), 'saddle-attacks-'))
})
afterAll(async () => {
  await Promise.all([from.close(), to.close()])
  await stage.close()
  rmSync(folder, { recursive: true, force: true })
})

async function seed(repository: Parameters<Stage['seed']>[0]): Promise<Seeded> {
  const seeded = await stage.seed(repository)
  await stage.sandbox.github.createRepository({ owner: 'acme', name: seeded.slug, seed: { empty: true } })
  return seeded
}

async function transfer({ slug }: Seeded, workDirectory = folder, url?: string): Promise<TransferResult> {
  const source: GitRemote = from.gitRemote(await from.repository('PRJ', slug))
  const target = to.gitRemote('acme', slug)
  const [sourceRefs, targetRefs] = [await listSourceRefs(source), await listTargetRefs(target)]
  const updates = planUpdates({ source: sourceRefs, target: targetRefs })
  return new NativeBackend({ workDirectory }).transfer({ source: { ...source, ...(url === undefined ? {} : { url }) }, target, sourceRefs, targetRefs, updates }, {})
}

describe('git as a program', () => {
  it('inherits nothing that runs programs, writes traces or changes addresses', async () => {
    const seeded = await seed({ seed: { commits: 3 } })
    const canary = join(folder, 'canary')
    const run = `touch ${canary}`
    const home = join(folder, 'home')
    mkdirSync(home)
    writeFileSync(join(home, '.gitconfig'), `[credential]\n\thelper = "!${run}"\n[core]\n\tfsmonitor = "${run}"\n[url "http://127.0.0.1:1/"]\n\tinsteadOf = http://127.0.0.1\n`)
    const variables = {
      HOME: home, XDG_CONFIG_HOME: home, GIT_CONFIG_GLOBAL: join(home, '.gitconfig'), GIT_SSH_COMMAND: run, GIT_PROXY_COMMAND: run, GIT_ASKPASS: run,
      GIT_EXTERNAL_DIFF: run, GIT_TRACE: canary, GIT_TRACE_CURL: canary, GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${run}'`, GIT_DIR: home,
      GIT_WORK_TREE: home, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'http.proxy', GIT_CONFIG_VALUE_0: 'http://127.0.0.1:1', http_proxy: 'http://127.0.0.1:1',
      ALL_PROXY: 'http://127.0.0.1:1', GIT_EXEC_PATH: home, LD_PRELOAD: '',
    }
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    onTestFinished(() => void vi.unstubAllEnvs())
    await transfer(seeded)
    vi.unstubAllEnvs()
    expect(existsSync(canary)).toBe(false)
    expect(seeded.targetRefs()).toBe(seeded.refs())
  })

  it.each([
    ['an option', (canary: string) => `--upload-pack=touch ${canary}`],
    ['a short option', (canary: string) => `-u touch ${canary}`],
    ['a helper that runs a shell', (canary: string) => `ext::sh -c touch% ${canary}`],
    ['a folder', () => `file://${folder}`],
    ['a path', () => folder],
    ['another protocol', () => 'git://127.0.0.1:1/x.git'],
    ['a remote shell', () => 'ssh://-oProxyCommand=touch/x'],
  ])('takes no address that is %s', async (_, address) => {
    const seeded = await seed({ seed: { commits: 1 } })
    const canary = join(folder, 'canary-address')
    await expect(transfer(seeded, folder, address(canary))).rejects.toThrow()
    expect(existsSync(canary)).toBe(false)
    expect(seeded.targetRefs()).toBe('')
  })

  it.each([
    ['bitbucket', 'git-upload-pack', 1],
    ['github', 'git-receive-pack', 0],
  ] as const)('shows no credential in the list of processes or on the disk while it talks to %s', async (side, service, skip) => {
    const seeded = await seed({ seed: { commits: 3 } })
    const { bitbucket, github } = stage.sandbox
    const secrets = [bitbucket.token, github.token, Buffer.from(`x-access-token:${github.token}`).toString('base64')]
    let commands: string[] = []
    let files: string[] = []
    const action: FaultAction = {
      before: () => {
        commands = commandLines()
        files = contentsOf(folder)
      },
    }
    stage.sandbox[side].fault({ method: 'POST', path: `${seeded.slug}.git/${service}`, skip, action })
    await transfer(seeded)
    // It did look while the program ran; which talks to the source alone.
    expect(commands.some((line) => line.includes(seeded.slug))).toBe(side === 'bitbucket')
    expect(files.length).toBeGreaterThan(3)
    for (const secret of secrets) expect([...commands, ...files].some((text) => text.includes(secret))).toBe(false)
  })
})

describe('a full disk', () => {
  const disk = mountSmallDisk(24)

  it.skipIf(!disk)('is found before a clone begins, and in its middle; with room it goes on', async () => {
    onTestFinished(() => unmount(disk!))
    const seeded = await seed({ seed: { commits: 30, blobSize: 1_000_000 } })
    await expect(transfer(seeded, disk)).rejects.toMatchObject({ code: 'STORE_FULL', retryable: false })
    expect(seeded.targetRefs()).toBe('')
    expect(readdirSync(disk!)).toEqual([])
    writeFileSync(join(disk!, 'filler'), Buffer.alloc(12 * 1024 * 1024))
    const small = await seed({ seed: { commits: 1 } })
    await expect(transfer(small, disk)).rejects.toMatchObject({ code: 'STORE_FULL', message: expect.stringContaining('MiB left') as string })
    expect(readdirSync(disk!)).toEqual(['filler'])
    rmSync(join(disk!, 'filler'))
    await transfer(small, disk)
    expect(small.targetRefs()).toBe(small.refs())
    await transfer(seeded)
    expect(seeded.targetRefs()).toBe(seeded.refs())
  })
})

/** The arguments of every process there is. */
const commandLines = (): string[] =>
  readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'latin1')] : []
    } catch {
      return []
    }
  })

const contentsOf = (path: string): string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    try {
      return statSync(join(path, name)).isFile() ? [readFileSync(join(path, name), 'latin1')] : []
    } catch {
      return []
    }
  })

/** A disk of that many MiB; undefined, with a notice, where none can be made. */
function mountSmallDisk(mebibytes: number): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'saddle-disk-'))
  for (const command of [[], ['sudo', '-n']]) {
    const [program, ...args] = [...command, 'mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=777`, 'tmpfs', path]
    try {
      execFileSync(program, args, { stdio: 'ignore' })
      return path
    } catch {
      // Not allowed in this way.
    }
  }
  rmSync(path, { recursive: true })
  console.warn('\n*** No small disk can be mounted: what happens on a full one is not tested. ***\n')
  return undefined
}

function unmount(path: string): void {
  for (const command of [[], ['sudo', '-n']]) {
    const [program, ...args] = [...command, 'umount', path]
    try {
      execFileSync(program, args, { stdio: 'ignore' })
      return rmSync(path, { recursive: true })
    } catch {
      // Mounted in the other way.
    }
  }
}
