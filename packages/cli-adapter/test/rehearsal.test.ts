import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { main, type Io } from '../src/index.ts'
import { Capture } from './capture.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'saddle-rehearsal-'))
  // Temporary files of these tests alone, so that what is left behind shows.
  vi.stubEnv('TMPDIR', join(folder, 'tmp'))
  mkdirSync(tmpdir())
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const path = { PATH: process.env['PATH'] }

/** Starts `saddle sandbox`, hands over what it says once it is up, and ends it afterwards. */
async function withSandbox(argv: string[], use: (environment: Record<string, string>, first: Record<string, unknown>) => Promise<void>): Promise<number> {
  const controller = new AbortController()
  const stdout = new Capture()
  const up = new Promise<void>((resolve) => stdout.once('said', resolve))
  const running = main(['sandbox', '--json', ...argv], { stdout, stderr: new Capture(), env: path, signal: controller.signal })
  await Promise.race([up, running])
  const first = stdout.json[0] ?? {}
  try {
    await use(first['environment'] as Record<string, string>, first)
  } finally {
    controller.abort()
  }
  return running
}

async function run(argv: string[], env: Io['env']) {
  const io = { stdout: new Capture(), stderr: new Capture(), env: { ...path, ...env } }
  return { status: await main(argv, io), ...io }
}

const leftovers = () => readdirSync(tmpdir())

describe('saddle sandbox', () => {
  it('serves what it was seeded with until it is interrupted, and leaves nothing behind', async () => {
    const seed = join(folder, 'My Project.git')
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', seed])
    execFileSync('git', ['fast-import', '--quiet'], { cwd: seed, input: 'commit refs/heads/main\ncommitter A <a@example.invalid> 1700000000 +0000\ndata 1\nx\n' })
    const status = await withSandbox(['--seed', seed, '--latency', '1'], async (environment, first) => {
      expect(first).toMatchObject({ type: 'sandbox', repositories: ['DEMO/my-project'], owner: 'acme' })
      const migrated = await run(['migrate', 'DEMO/my-project', '--to', 'acme'], environment)
      expect([migrated.status, migrated.stderr.text]).toEqual([0, ''])
    })
    expect(status).toBe(0)
    expect(leftovers()).toEqual([])
  })

  it('serves https with an authority of its own', async () => {
    await withSandbox(['--tls'], async (environment) => {
      expect(environment['SADDLE_BITBUCKET_URL']).toMatch(/^https:/)
      expect((await run(['doctor', '--owner', 'acme'], environment)).stdout.text).toMatch(/^✓ GitHub certificate: trusted, issued by Saddle sandbox/m)
      const { SADDLE_CA_FILE: _, ...without } = environment
      const doctor = await run(['doctor'], without)
      expect(doctor.status).toBe(1)
      expect(doctor.stdout.text).toMatch(/^✗ Bitbucket certificate: it is not trusted .*\n {4}.*SADDLE_CA_FILE/m)
    })
  })

  it('prints lines that a shell can take', async () => {
    const controller = new AbortController()
    const stdout = new Capture()
    stdout.once('said', () => controller.abort())
    expect(await main(['sandbox'], { stdout, stderr: new Capture(), env: path, signal: controller.signal })).toBe(0)
    const script = `${stdout.lines.filter((line) => line.startsWith('export ')).join('\n')}\nprintf %s "$SADDLE_GITHUB_URL"`
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/v3$/)
  })

  it('says what is wrong with a seed or a port', async () => {
    const none = await run(['sandbox', '--seed', join(folder, 'none')], {})
    expect([none.status, none.stderr.text]).toEqual([2, expect.stringMatching(/^error: --seed .* is not a repository that git can read/)])
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const port = String((taken.address() as AddressInfo).port)
    const busy = await run(['sandbox', '--bitbucket-port', port], {})
    taken.close()
    expect([busy.status, busy.stderr.text]).toEqual([2, expect.stringMatching(/^error: A port is in use.*--bitbucket-port/)])
  })
})

describe('saddle demo', () => {
  it('migrates, syncs and proves', { timeout: 180_000 }, async () => {
    const { status, stdout, stderr } = await run(['demo', '--json'], {})
    expect([status, stderr.text]).toEqual([0, ''])
    const report = stdout.json.at(-1) as { migrations: { status: string; losses: unknown[] }[]; proofs: { slug: string; equal: boolean; refs: number }[] }
    expect(report).toMatchObject({ type: 'report', equal: true, sync: { status: 'completed', transferred: { objects: 1 }, refs: { updated: 1 } } })
    expect(report.migrations.every((migration) => migration.status === 'completed')).toBe(true)
    expect(report.proofs.find(({ slug }) => slug === 'many-refs')).toMatchObject({ equal: true, refs: 601 })
    expect(report.proofs.find(({ slug }) => slug === 'odd-names')).toMatchObject({ equal: true, refs: 8 })
    expect(leftovers()).toEqual([])
  })

  it('ends when it is interrupted', async () => {
    const controller = new AbortController()
    const stdout = new Capture()
    stdout.once('said', () => controller.abort())
    const stderr = new Capture()
    expect(await main(['demo'], { stdout, stderr, env: path, signal: controller.signal })).toBe(130)
    expect(stderr.text).toMatch(/^cancelled: /)
    expect(leftovers()).toEqual([])
  })
})
