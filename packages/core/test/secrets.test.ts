import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SaddleError, SqliteStore } from '../src/index.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
let folder: string
beforeAll(async () => {
  stage = await setStage()
  folder = await mkdtemp(join(tmpdir(), 'saddle-secrets-'))
})
afterAll(async () => {
  await stage.close()
  await rm(folder, { recursive: true })
})

/** What a secret can look like when somebody echoes it. */
const forms = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  ...[secret, `x-access-token:${secret}`].flatMap((text) => [Buffer.from(text).toString('base64').replace(/=+$/, ''), Buffer.from(text).toString('base64url')]),
]

it('no credential reaches store, events, records or errors, whatever the servers echo', async () => {
  const { bitbucket, github } = stage.sandbox
  const secrets = [...forms(bitbucket.token), ...forms(github.token)]
  const echo = { message: secrets.join(' '), errors: [{ message: secrets.join(' ') }] }
  const places = [
    [bitbucket, '/rest/', { status: 500, body: echo }],
    [bitbucket, '/rest/', { status: 409, body: echo }],
    [bitbucket, 'git-upload-pack', { status: 403, body: secrets.join('\n') }],
    [github, '/api/v3/', { status: 422, body: echo, headers: { 'content-type': 'application/json' } }],
    [github, '/api/v3/', { status: 403, body: echo, headers: { 'x-github-request-id': github.token } }],
    [github, 'git-receive-pack', { status: 403, body: secrets.join('\n') }],
    [github, 'git-receive-pack', { status: 302, headers: { location: `https://x:${github.token}@elsewhere.example/` } }],
  ] as const
  const said: string[] = []
  const store = await SqliteStore.open({ path: join(folder, 'store.db') })
  for (const [server, path, action] of places) {
    const source = await stage.seed()
    const { engine, events } = stage.engine({ store })
    const fault = server.fault({ path, times: 1000, skip: path.startsWith('/') ? 1 : 0, action })
    const error: unknown = await engine.migrate(source.request).catch((thrown: unknown) => thrown)
    fault.remove()
    expect(SaddleError.is(error), String(error)).toBe(true)
    // The error as a log would show it, with its stack; its cause is for debuggers and stays in the process.
    said.push(JSON.stringify(error), (error as SaddleError).stack ?? '', JSON.stringify(events))
    const report = await engine.migrate(source.request)
    said.push(JSON.stringify(report), JSON.stringify(events))
  }
  said.push(JSON.stringify((await store.listMigrations({ limit: 500 })).items))
  const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'latin1')))
  expect(files.join('').length).toBeGreaterThan(50_000)
  await store.close()
  for (const text of [...said, ...files]) for (const secret of secrets) expect(text.includes(secret)).toBe(false)
  expect(said.join('')).toContain('[redacted]')
})
