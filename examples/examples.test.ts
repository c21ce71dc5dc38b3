import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

let sandbox: Sandbox
let folder: string
let printed: string[]
const { argv } = process

beforeEach(async () => {
  sandbox = await startSandbox()
  sandbox.github.createOrganization({ login: 'acme', owners: ['admin'] })
  folder = mkdtempSync(join(tmpdir(), 'saddle-examples-'))
  printed = []
  for (const name of ['log', 'error'] as const) vi.spyOn(console, name).mockImplementation((...words: unknown[]) => void printed.push(words.join(' ')))
  vi.stubEnv('SADDLE_BITBUCKET_URL', sandbox.bitbucket.url)
  vi.stubEnv('SADDLE_BITBUCKET_TOKEN', sandbox.bitbucket.token)
  vi.stubEnv('SADDLE_GITHUB_URL', sandbox.github.url)
  vi.stubEnv('SADDLE_GITHUB_TOKEN', sandbox.github.token)
  // Each example is a program: it reads the environment anew.
  vi.resetModules()
})
afterEach(async () => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.argv = argv
  process.exitCode = undefined
  await sandbox.close()
  rmSync(folder, { recursive: true })
})

/** Runs an example in this process, from its first line to its last. */
async function run(example: string, ...args: string[]): Promise<Record<string, unknown>> {
  process.argv = [process.execPath, `${example}.mjs`, ...args]
  return (await import(/* @vite-ignore */ new URL(`${example}.mjs`, import.meta.url).href)) as Record<string, unknown>
}
const seed = (slug: string) => sandbox.bitbucket.createRepository({ project: 'PRJ', slug, seed: { commits: 3, branches: 2, tags: 1 } })
const refs = (path: string) => execFileSync('git', ['-C', path, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags'], { encoding: 'utf8' })
const targetRefs = (name: string) => refs(sandbox.github.repositoryPath('acme', name))

test('migrate-one', async () => {
  const { path } = await seed('app')
  await run('migrate-one', 'PRJ/app', 'acme')
  expect(printed.at(-1)).toBe('3 refs are equal; 0 things stay behind')
  expect(targetRefs('app')).toBe(refs(path))
})

test('bulk-with-progress', async () => {
  const paths = [(await seed('one')).path, (await seed('two')).path]
  vi.stubEnv('SADDLE_STORE', join(folder, 'saddle.db'))
  await run('bulk-with-progress', 'PRJ', 'acme')
  expect(printed).toEqual(['2 of 2 arrived'])
  expect(process.exitCode).toBe(0)
  expect([targetRefs('one'), targetRefs('two')]).toEqual(paths.map(refs))
})

test('sync-until-cutover', async () => {
  const { path } = await seed('app')
  vi.stubEnv('SYNC_SECONDS', '0.01')
  const running = run('sync-until-cutover', 'PRJ/app', 'acme')
  await vi.waitFor(() => expect(printed).toContain('nothing new'), 30_000)
  execFileSync('git', ['-C', path, 'update-ref', 'refs/heads/late', 'refs/heads/main'])
  await vi.waitFor(() => expect(printed).toContain('1 refs moved'), 30_000)
  process.emit('SIGINT')
  await running
  expect(printed.at(-1)).toBe('both sides are equal: 4 refs')
  expect(process.exitCode).toBe(0)
  expect(targetRefs('app')).toBe(refs(path))
})

test('embedded-server', async () => {
  vi.stubEnv('PORT', '0')
  const { app, url } = (await run('embedded-server')) as { app: { close(): Promise<void> }; url: string }
  try {
    const login = { username: sandbox.bitbucket.adminUsername, password: sandbox.bitbucket.adminPassword }
    const post = await fetch(`${url}/api/v1/auth/bitbucket`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(login) })
    expect(await post.json()).toMatchObject({ status: 'success' })
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'healthy' })
    expect(await (await fetch(url)).json()).toEqual({ hello: 'from the application around it' })
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404)
  } finally {
    await app.close()
  }
})
