import { request } from 'node:https'
import { MemorySessionStore } from '@saddle/core'
import { generate } from 'selfsigned'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Caller } from './caller.ts'
import { rawRequest, sendRaw } from './raw.ts'
import { keys, setStage, type Stage } from './stage.ts'

/** Shows what was written, under which key. */
class OpenStore extends MemorySessionStore {
  readonly written = new Map<string, string>()

  override async replace(key: string, expected: string | undefined, value: string, expiresAt: number): Promise<boolean> {
    this.written.set(key, value)
    return super.replace(key, expected, value, expiresAt)
  }
}

const minute = 60_000
let stage: Stage
const sessionStore = new OpenStore({ now: () => Date.now() })
beforeAll(async () => {
  stage = await setStage({ server: { sessionStore, sessionKeys: keys, session: { idleMs: 10 * minute, absoluteMs: 60 * minute } } })
})
afterEach(() => vi.useRealTimers())
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await sessionStore.close()
})

/** Lets time pass for everything that looks at a clock; timers go on as they do. */
function pass(milliseconds: number): void {
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  vi.setSystemTime(Date.now() + milliseconds)
}
const isAlive = async (caller: Caller) => (await caller.get('/api/v1/auth/session')).body.authenticated as boolean

describe('a session', () => {
  it('ends when it is not used for so long, and its credentials with it', async () => {
    const caller = await stage.user()
    for (let time = 0; time < 3; time++) {
      pass(9 * minute)
      expect(await isAlive(caller)).toBe(true)
    }
    pass(11 * minute)
    expect(await isAlive(caller)).toBe(false)
    expect(await caller.get('/api/v1/bitbucket/projects')).toMatchObject({ status: 401, body: { code: 'NOT_AUTHENTICATED' } })
    for (const key of sessionStore.written.keys()) expect(await sessionStore.get(key) ?? '').toBe('')
  })

  it('ends in any case, however much it is used', async () => {
    const caller = await stage.user()
    for (let past = 0; past < 59; past += 5) {
      expect(await isAlive(caller), `after ${past} minutes`).toBe(true)
      pass(5 * minute)
    }
    expect(await isAlive(caller)).toBe(false)
  })

  it('keeps its end at a second login', async () => {
    const caller = await stage.user()
    for (let past = 0; past < 55; past += 5) {
      pass(5 * minute)
      expect(await isAlive(caller)).toBe(true)
    }
    await caller.login(stage.sandbox)
    pass(6 * minute)
    expect(await isAlive(caller)).toBe(false)
  })

  it('is read by a server with a newer key that knows the older one, and by no other', async () => {
    const caller = await stage.user()
    const [newKey, otherKey] = ['n', 'o'].map((letter) => letter.repeat(40))
    const at = async (sessionKeys: string[]) => {
      const { url } = await stage.another({ sessionKeys })
      const same = new Caller(url)
      same.cookie = caller.cookie
      return same.get('/api/v1/bitbucket/projects')
    }
    expect((await at([newKey!, ...keys])).status).toBe(200)
    expect(await at([otherKey!])).toMatchObject({ status: 401, body: { code: 'AUTHENTICATION_FAILED' } })
  })
})

describe('the credentials of a migration', () => {
  it('outlive a logout for as long as it runs, and no longer', async () => {
    await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'left' })
    let goOn = () => {}
    const gate = new Promise<void>((resolve) => (goOn = resolve))
    const held = stage.sandbox.github.fault({ method: 'POST', path: 'left.git/git-receive-pack', action: { before: () => gate } })
    const caller = await stage.user()
    sessionStore.written.clear()
    await caller.post('/api/v1/migration/start', { source: { project: 'PRJ', repository: 'left' }, target: { owner: 'acme', name: 'left' } })
    await held.fired
    await caller.post('/api/v1/auth/logout')
    const [account] = [...sessionStore.written.keys()]
    expect(await sessionStore.get(account!)).toMatch(/"sealed"/)
    goOn()
    await expect.poll(async () => await sessionStore.get(account!) ?? '').toBe('')
    // The marker that a migration leaves in the description until it is complete is gone.
    expect(stage.sandbox.github.repository('acme', 'left')?.description ?? '').toBe('')
  })
})

describe('the cookie', () => {
  const login = () => JSON.stringify({ token: stage.sandbox.bitbucket.token })
  const json = { 'content-type': 'application/json' }
  const secure = /^__Host-saddle_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Lax$/

  it('is the host\'s own and secure behind TLS, where a plain one counts for nothing', async () => {
    const { url } = await stage.another({ publicUrl: 'https://saddle.example', session: {} })
    const send = (method: string, path: string, headers: Record<string, string>, body?: string) =>
      sendRaw(Number(new URL(url).port), rawRequest(method, path, { host: 'saddle.example', ...headers }, body))
    const { headers } = await send('POST', '/api/v1/auth/bitbucket', json, login())
    expect(headers['set-cookie']).toMatch(secure)
    expect(headers['strict-transport-security']).toMatch(/max-age=\d{7,}/)
    const id = /=([^;]*)/.exec(headers['set-cookie']!)![1]!
    const session = async (cookie: string) => (JSON.parse((await send('GET', '/api/v1/auth/session', { cookie })).body) as { authenticated: boolean }).authenticated
    expect(await session(`__Host-saddle_session=${id}`)).toBe(true)
    expect(await session(`saddle_session=${id}`)).toBe(false)
  })

  it('is so where the server speaks TLS itself', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      algorithm: 'sha256', extensions: [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    })
    const { url } = await stage.another({ tls: { key, cert }, session: {} })
    expect(url).toMatch(/^https:/)
    const cookie = await new Promise((resolve, reject) => {
      const call = request(`${url}/api/v1/auth/bitbucket`, { method: 'POST', ca: cert, headers: json, agent: false }, (answer) => resolve(answer.resume().headers['set-cookie']?.[0]))
      call.on('error', reject).end(login())
    })
    expect(cookie).toMatch(secure)
  })

  it('is so where a trusted proxy says that it speaks TLS, and only then', async () => {
    const forwarded = { ...json, 'x-forwarded-proto': 'https' }
    const { url } = await stage.another({ trustProxy: true, session: {} })
    expect((await sendRaw(Number(new URL(url).port), rawRequest('POST', '/api/v1/auth/bitbucket', forwarded, login()))).headers['set-cookie']).toMatch(secure)
    expect((await sendRaw(stage.port, rawRequest('POST', '/api/v1/auth/bitbucket', forwarded, login()))).headers['set-cookie']).toMatch(/^saddle_session=/)
  })
})

describe('a server', () => {
  it('does not keep credentials with no key to encrypt them, or a weak one', async () => {
    await expect(stage.another({ sessionKeys: [] })).rejects.toMatchObject({ code: 'MISSING_CONFIGURATION', context: { option: 'sessionKeys' } })
    await expect(stage.another({ sessionKeys: ['short'] })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})
