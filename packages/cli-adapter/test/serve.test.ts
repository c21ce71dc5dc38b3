import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Stage } from './stage.ts'

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url))

let stage: Stage
const children = new Set<ChildProcess>()
beforeAll(async () => {
  if (!existsSync(bin)) throw new Error(`There is no ${bin}: these tests run the built command. Build it first: npm run setup`)
  stage = await Stage.open()
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await stage.close()
})

interface Served {
  child: ChildProcess
  url: string
  texts: { stdout: string; stderr: string }
  ended: Promise<number | null>
}

/** Starts the built server, and waits until it says where it listens. */
async function serve(argv: string[] = [], env: Record<string, string> = {}): Promise<Served> {
  const { SADDLE_GITHUB_TOKEN: _, SADDLE_BITBUCKET_TOKEN: __, ...own } = stage.env
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0', ...argv], { env: { ...own, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  const texts = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (texts.stdout += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (texts.stderr += String(chunk)))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  await Promise.race([ended, expect.poll(() => texts.stderr, { timeout: 20_000 }).toContain('listens on')])
  return { child, texts, ended, url: /http:\/\/\S+?(?=[ )])/.exec(texts.stderr)?.[0] ?? '' }
}

async function login(url: string): Promise<string> {
  const { adminUsername: username, adminPassword: password } = stage.sandbox.bitbucket
  const answer = await fetch(`${url}/api/v1/auth/bitbucket`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username, password }) })
  expect(answer.status).toBe(200)
  return answer.headers.getSetCookie()[0]!.split(';')[0]!
}

/** The ids and data of a stream's events until it ends, however it ends. */
async function read(url: string, headers: Record<string, string>, onEvent: (seen: Seen[]) => void = () => {}): Promise<Seen[]> {
  const seen: Seen[] = []
  try {
    const response = await fetch(url, { headers: { ...headers, accept: 'text/event-stream' } })
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
      text += chunk
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const block = text.slice(0, end)
        text = text.slice(end + 2)
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data) seen.push({ id: Number(/^id: (.*)$/m.exec(block)?.[1]), event: /^event: (.*)$/m.exec(block)?.[1] ?? '', data: JSON.parse(data) as Seen['data'] })
        onEvent(seen)
      }
    }
  } catch {
    // The server was killed.
  }
  return seen
}
interface Seen {
  id: number
  event: string
  data: { status: string; progress: number }
}

async function start(url: string, cookie: string, slug: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/migration/start`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie, 'x-github-token': stage.sandbox.github.token },
    body: JSON.stringify({ source: { project: 'PROJ', repository: slug }, target: { owner: 'acme', name: slug }, repository_option: 'new' }),
  })
  const body = (await answer.json()) as { migration_id: string }
  expect(answer.status, JSON.stringify(body)).toBe(202)
  return body.migration_id
}

describe('saddle serve', () => {
  it('goes on with what ran when it was killed, and its watchers miss nothing', async () => {
    await stage.sandbox.bitbucket.createRepository({ project: 'PROJ', slug: 'killed', seed: { commits: 20, branches: 2 } })
    const held = stage.sandbox.github.fault({ method: 'POST', path: 'killed.git/git-receive-pack', action: { stall: true } })
    const first = await serve()
    const cookie = await login(first.url)
    const id = await start(first.url, cookie, 'killed')
    const before = read(`${first.url}/api/v1/migration/status/${id}`, { cookie })
    await held.fired
    // Until the event of the transfer has been stored and sent.
    await expect.poll(async () => (await (await fetch(`${first.url}/api/v1/migration/status/${id}`, { headers: { cookie, accept: 'application/json' } })).json() as { progress: { current_step: string } }).progress.current_step).toBe('Cloning repository')
    first.child.kill('SIGKILL')
    await first.ended
    const seen = await before
    held.remove()

    const second = await serve()
    const rest = await read(`${second.url}/api/v1/migration/status/${id}`, { cookie, 'last-event-id': String(seen.at(-1)!.id) })
    expect([...seen, ...rest].map((event) => event.id)).toEqual([...seen, ...rest].map((_, index) => index + 1))
    expect(rest.at(-1)!.data).toMatchObject({ status: 'completed', progress: 100 })
    expect(await stage.clonedRefs('killed')).toBe(await stage.sourceRefs('killed'))

    second.child.kill('SIGTERM')
    expect(await second.ended).toBe(0)
    for (const secret of [stage.sandbox.github.token, stage.sandbox.bitbucket.adminPassword, cookie.split('=')[1]!]) {
      for (const text of [first.texts.stdout, second.texts.stdout, first.texts.stderr, second.texts.stderr]) expect(text).not.toContain(secret)
      for (const file of ['saddle.db', 'saddle.db-wal', 'sessions.db', 'sessions.db-wal']) {
        const path = join(stage.env['SADDLE_HOME']!, file)
        if (existsSync(path)) expect(readFileSync(path).includes(secret), file).toBe(false)
      }
    }
    for (const line of second.texts.stdout.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level')
  })

  it('stops gracefully: what runs is continued by the next start, and streams are told', async () => {
    await stage.sandbox.bitbucket.createRepository({ project: 'PROJ', slug: 'stopped', seed: { commits: 5 } })
    const held = stage.sandbox.github.fault({ method: 'POST', path: 'stopped.git/git-receive-pack', action: { stall: true } })
    const first = await serve()
    const cookie = await login(first.url)
    const id = await start(first.url, cookie, 'stopped')
    const watching = read(`${first.url}/api/v1/migration/status/${id}`, { cookie })
    await held.fired
    first.child.kill('SIGTERM')
    const seen = await watching
    expect(seen.at(-1)!.event).toBe('server_closing')
    expect(await first.ended).toBe(0)
    held.remove()
    const second = await serve()
    const events = await read(`${second.url}/api/v1/migration/status/${id}`, { cookie })
    expect(events.at(-1)!.data.status).toBe('completed')
    second.child.kill('SIGTERM')
    await second.ended
  })

  it('makes a key of its own, for its owner only', async () => {
    expect(statSync(join(stage.env['SADDLE_HOME']!, 'session.key')).mode & 0o077).toBe(0)
  })

  it('says what is missing before it listens', async () => {
    const missing = await serve([], { SADDLE_BITBUCKET_URL: '' })
    expect(await missing.ended).toBe(2)
    expect(missing.texts.stderr).toContain('SADDLE_BITBUCKET_URL')
    const key = await serve([], { GITHUB_PRIVATE_KEY_PATH: '/no/such/key.pem' })
    expect(await key.ended).toBe(2)
    expect(key.texts.stderr).toContain('/no/such/key.pem')
    const redis = await serve([], { SADDLE_REDIS_URL: 'redis://user:canary-redis@127.0.0.1:1' })
    expect(await redis.ended).toBe(1)
    expect(redis.texts.stderr).toMatch(/127\.0\.0\.1:1/)
    expect(redis.texts.stderr).not.toContain('canary')
  })

  it('goes on without Redis when it is told to', async () => {
    const served = await serve(['--session-fallback', 'embedded'], { SADDLE_REDIS_URL: 'redis://127.0.0.1:1' })
    expect(JSON.parse(served.texts.stdout.split('\n')[0]!)).toMatchObject({ level: 40, msg: expect.stringContaining('kept on this machine instead') })
    await login(served.url)
    served.child.kill('SIGTERM')
    expect(await served.ended).toBe(0)
  })
})
