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

async function post(url: string, path: string, cookie: string, body: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json', cookie, 'x-github-token': stage.sandbox.github.token }
  const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  const said = (await answer.json()) as Record<string, unknown>
  expect(answer.status, JSON.stringify(said)).toBe(202)
  return said
}

async function get(url: string, path: string, cookie: string): Promise<Record<string, unknown>> {
  return (await (await fetch(url + path, { headers: { cookie, accept: 'application/json' } })).json()) as Record<string, unknown>
}

async function start(url: string, cookie: string, slug: string): Promise<string> {
  const wanted = { source: { project: 'PROJ', repository: slug }, target: { owner: 'acme', name: slug }, repository_option: 'new' }
  return (await post(url, '/api/v1/migration/start', cookie, wanted))['migration_id'] as string
}

describe('saddle serve', () => {
  it('goes on with what ran when it was killed, and its watchers miss nothing', async () => {
    await stage.sandbox.bitbucket.createRepository({ project: 'PROJ', slug: 'killed', seed: { commits: 20, branches: 2 } })
    for (const slug of ['many-1', 'many-2']) await stage.sandbox.bitbucket.createRepository({ project: 'PROJ', slug })
    const stall = (slug: string) => stage.sandbox.github.fault({ method: 'POST', path: `${slug}.git/git-receive-pack`, action: { stall: true } })
    const [held, heldToo] = [stall('killed'), stall('many-2')]
    const first = await serve()
    const cookie = await login(first.url)
    const id = await start(first.url, cookie, 'killed')
    const before = read(`${first.url}/api/v1/migration/status/${id}`, { cookie })
    await post(first.url, '/api/v1/migration/bulk/start', cookie, { bulk_migration_id: 'many', source_project: 'PROJ', source_repositories: ['many-1', 'many-2'], target_owner: 'acme' })
    // One is done, one is under way.
    const manyBefore = read(`${first.url}/api/v1/migration/bulk/many/events`, { cookie })
    await expect.poll(async () => (await get(first.url, '/api/v1/migration/bulk/many/status', cookie))['completed'], { timeout: 10_000 }).toBe(1)
    await Promise.all([held.fired, heldToo.fired])
    // Until the event of the transfer has been stored and sent.
    await expect.poll(() => get(first.url, `/api/v1/migration/status/${id}`, cookie)).toMatchObject({ progress: { current_step: 'Cloning repository' } })
    first.child.kill('SIGKILL')
    await first.ended
    const [seen, manySeen] = await Promise.all([before, manyBefore])
    held.remove()
    heldToo.remove()

    const second = await serve()
    const [rest, manyRest] = await Promise.all([
      read(`${second.url}/api/v1/migration/status/${id}`, { cookie, 'last-event-id': String(seen.at(-1)!.id) }),
      read(`${second.url}/api/v1/migration/bulk/many/events`, { cookie, 'last-event-id': String(manySeen.at(-1)!.id) }),
    ])
    expect([...seen, ...rest].map((event) => event.id)).toEqual([...seen, ...rest].map((_, index) => index + 1))
    expect(rest.at(-1)!.data).toMatchObject({ status: 'completed', progress: 100 })
    expect(await stage.clonedRefs('killed')).toBe(await stage.sourceRefs('killed'))
    const many = [...manySeen, ...manyRest].map((event) => event.id)
    expect(many).toEqual([...new Set(many)].toSorted((a, b) => a - b))
    expect(manyRest.at(-1)!.data).toMatchObject({ status: 'completed', completed: 2, failed: 0 })
    // What was done is not done again.
    const { repositories } = (await get(second.url, '/api/v1/migration/bulk/many/report', cookie)) as { repositories: { source: string; attempts: number }[] }
    expect(repositories.map(({ source, attempts }) => [source, attempts])).toEqual([['PROJ/many-1', 1], ['PROJ/many-2', expect.any(Number)]])

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
    const address = await serve(['--public-url', 'nonsense'])
    expect(await address.ended).toBe(2)
    expect(address.texts.stderr).toMatch(/publicUrl is not an http or https address/)
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
