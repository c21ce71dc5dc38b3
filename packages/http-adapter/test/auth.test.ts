import { fileURLToPath } from 'node:url'
import { MemorySessionStore } from '@saddle/core'
import { createLogger } from '../src/index.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Caller } from './caller.ts'
import { keys, setStage, type Stage } from './stage.ts'

let stage: Stage
let clientId = ''
beforeAll(async () => {
  stage = await setStage({
    server: ({ github }) => {
      const app = github.createApp({ slug: 'saddle-app', callbackUrl: 'https://saddle.example/callback' })
      clientId = app.clientId
      return { github: { oauth: { clientId: app.clientId, clientSecret: app.clientSecret, redirectUri: 'https://saddle.example/callback' } } }
    },
  })
})
afterEach(() => vi.useRealTimers())
afterAll(() => stage[Symbol.asyncDispose]())

/** What a person does in the browser: opens the page, agrees, and is sent back. */
async function agree(url: string): Promise<{ code: string; state: string }> {
  const page = await (await fetch(url)).text()
  const fields = [...page.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, unescapeHtml(value)])
  const answer = await fetch(new URL('/login/oauth/authorize', url), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(fields),
  })
  const back = new URL(answer.headers.get('location')!)
  return { code: back.searchParams.get('code')!, state: back.searchParams.get('state')! }
}
const unescapeHtml = (text: string) => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))

describe('the login to Bitbucket', () => {
  it('answers as the original does, and sets a cookie that scripts cannot read', async () => {
    const caller = stage.caller()
    const answer = await caller.login(stage.sandbox)
    expect(answer.body).toEqual({ status: 'success', message: 'Authentication successful', credentials: { username: 'admin' } })
    const [cookie = ''] = answer.headers.getSetCookie()
    expect(cookie).toMatch(/^saddle_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/)
    expect((await caller.get('/api/v1/auth/session')).body).toEqual({
      authenticated: true, bitbucket_authenticated: true, github_authenticated: false, bitbucket_username: 'admin',
    })
  })

  it('takes an access token as well', async () => {
    const caller = stage.caller()
    const answer = await caller.post('/api/v1/auth/bitbucket', { token: stage.sandbox.bitbucket.token })
    expect(answer).toMatchObject({ status: 200, body: { credentials: { username: 'admin' } } })
  })

  it('refuses wrong credentials in the words of the original', async () => {
    const caller = stage.caller()
    const answer = await caller.post('/api/v1/auth/bitbucket', { username: 'admin', password: 'wrong-password' })
    expect(answer).toMatchObject({ status: 401, body: { detail: 'Invalid credentials' } })
    expect(caller.cookie).toBeUndefined()
  })

  it('says which field is missing', async () => {
    const { status, body } = await stage.caller().post('/api/v1/auth/bitbucket', { username: 'admin' })
    expect(status).toBe(422)
    expect(body).toMatchObject({ code: 'INVALID_INPUT', issues: [{ path: expect.stringContaining('body') }] })
  })

  it('gives a new id at every login, and the one before is worthless', async () => {
    const caller = stage.caller()
    await caller.login(stage.sandbox)
    const before = caller.cookie
    await caller.login(stage.sandbox)
    expect(caller.cookie).not.toBe(before)
    const thief = stage.caller()
    thief.cookie = before
    expect((await thief.get('/api/v1/auth/session')).body.authenticated).toBe(false)
  })

  it('takes over no session that was set beforehand', async () => {
    const victim = stage.caller()
    victim.cookie = `saddle_session=${'a'.repeat(43)}`
    await victim.login(stage.sandbox)
    expect(victim.cookie).not.toContain('aaaa')
    const attacker = stage.caller()
    attacker.cookie = `saddle_session=${'a'.repeat(43)}`
    expect((await attacker.get('/api/v1/auth/session')).body.authenticated).toBe(false)
  })

  it('lets another user inherit nothing', async () => {
    stage.sandbox.bitbucket.createUser({ name: 'other', password: 'other-password' })
    const caller = stage.caller()
    await caller.login(stage.sandbox)
    const begun = await caller.get('/api/v1/auth/github/app')
    await caller.post('/api/v1/auth/github/callback', await agree(begun.body.authorization_url))
    expect((await caller.get('/api/v1/auth/session')).body.github_authenticated).toBe(true)
    await caller.post('/api/v1/auth/bitbucket', { username: 'other', password: 'other-password' })
    expect((await caller.get('/api/v1/auth/session')).body).toMatchObject({ bitbucket_username: 'other', github_authenticated: false })
  })
})

describe('the login to GitHub', () => {
  it('goes through the browser, and keeps what was logged in before', async () => {
    const caller = stage.caller()
    await caller.login(stage.sandbox)
    const { body } = await caller.get('/api/v1/auth/github/app')
    const url = new URL(body.authorization_url)
    expect(Object.fromEntries(url.searchParams)).toEqual({ client_id: clientId, redirect_uri: 'https://saddle.example/callback', state: body.state })
    const before = caller.cookie
    const answer = await caller.post('/api/v1/auth/github/callback', await agree(body.authorization_url))
    expect(answer).toMatchObject({ status: 200, body: { status: 'success' } })
    expect(caller.cookie).not.toBe(before)
    expect((await caller.get('/api/v1/auth/session')).body).toEqual({
      authenticated: true, bitbucket_authenticated: true, github_authenticated: true, bitbucket_username: 'admin',
    })
    expect((await caller.get('/api/v1/github/user')).body.login).toBe('admin')
  })

  it('takes a state once', async () => {
    const caller = stage.caller()
    const { body } = await caller.get('/api/v1/auth/github/app')
    const grant = await agree(body.authorization_url)
    expect((await caller.post('/api/v1/auth/github/callback', grant)).status).toBe(200)
    expect(await caller.post('/api/v1/auth/github/callback', grant)).toMatchObject({ status: 400, body: { code: 'STATE_MISMATCH' } })
  })

  it('takes no state that is wrong, or of another session, and leaves that one its own', async () => {
    const [mine, theirs] = [stage.caller(), stage.caller()]
    const { body } = await mine.get('/api/v1/auth/github/app')
    await theirs.get('/api/v1/auth/github/app')
    const grant = await agree(body.authorization_url)
    expect((await theirs.post('/api/v1/auth/github/callback', grant)).status).toBe(400)
    expect((await stage.caller().post('/api/v1/auth/github/callback', grant)).status).toBe(400)
    expect((await mine.post('/api/v1/auth/github/callback', { ...grant, state: 'wrong' })).status).toBe(400)
    expect((await mine.post('/api/v1/auth/github/callback', { code: grant.code })).status).toBe(422)
    expect((await mine.post('/api/v1/auth/github/callback', grant)).status).toBe(200)
  })

  it('takes a state for ten minutes', async () => {
    const caller = stage.caller()
    const { body } = await caller.get('/api/v1/auth/github/app')
    const grant = await agree(body.authorization_url)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 60_000 + 1000 })
    expect(await caller.post('/api/v1/auth/github/callback', grant)).toMatchObject({ status: 400, body: { code: 'STATE_MISMATCH' } })
  })

  it('refuses a code that GitHub does not know', async () => {
    const caller = stage.caller()
    const { body } = await caller.get('/api/v1/auth/github/app')
    const answer = await caller.post('/api/v1/auth/github/callback', { code: 'made-up', state: body.state })
    expect(answer).toMatchObject({ status: 401, body: { code: 'AUTHENTICATION_FAILED' } })
  })
})

describe('a token of GitHub that expires', () => {
  const refreshes = () => stage.sandbox.github.requests.filter(({ path }) => path === '/login/oauth/access_token').length
  let app: ReturnType<typeof stage.sandbox.github.createApp>
  /** A server where tokens live for half an hour, and somebody who has one. */
  async function loggedIn() {
    app = stage.sandbox.github.createApp({ callbackUrl: 'https://saddle.example/callback', userTokenTtlSeconds: 1800 })
    const store = new MemorySessionStore({ now: () => Date.now() })
    const shared = { sessionStore: store, sessionKeys: keys, github: { oauth: { clientId: app.clientId, clientSecret: app.clientSecret, redirectUri: 'https://saddle.example/callback' } } }
    const servers = await Promise.all([stage.another(shared), stage.another(shared)])
    const [caller, same] = servers.map(({ url }) => new Caller(url)) as [Caller, Caller]
    await caller.login(stage.sandbox)
    const { body } = await caller.get('/api/v1/auth/github/app')
    expect((await caller.post('/api/v1/auth/github/callback', await agree(body.authorization_url))).status).toBe(200)
    same.cookie = caller.cookie
    stage.sandbox.github.clearRequests()
    return { caller, same }
  }
  const user = '/api/v1/github/user'

  it('is exchanged once before it ends, however many ask, in however many processes', async () => {
    const { caller, same } = await loggedIn()
    expect((await caller.get(user)).status).toBe(200)
    expect(refreshes()).toBe(0)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 60_000 })
    const answers = await Promise.all([caller, same, caller, same].map((one) => one.get(user)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(refreshes()).toBe(1)
  })

  it('is used to its end when the exchange fails, and then the login has to be made again', async () => {
    const { caller } = await loggedIn()
    const fault = stage.sandbox.github.fault({ path: '/login/oauth/access_token', times: Infinity, action: { status: 503 } })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 60_000 })
    expect((await caller.get(user)).status).toBe(200)
    vi.setSystemTime(Date.now() + 10 * 60_000)
    expect((await caller.get(user)).status).toBe(502)
    fault.remove()
    expect((await caller.get(user)).status).toBe(200)
  })

  it('may be replaced while a migration runs, which goes on with the next one', async () => {
    await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'long' })
    const { caller } = await loggedIn()
    app.install('acme')
    let goOn = () => {}
    const gate = new Promise<void>((resolve) => (goOn = resolve))
    // Between two requests of the migration the session's use of the token replaces it, which ends the one before.
    const held = stage.sandbox.bitbucket.fault({ method: 'POST', path: 'long.git/git-upload-pack', action: { before: () => gate } })
    const { body, status } = await caller.post('/api/v1/migration/start', { source: { project: 'PRJ', repository: 'long' }, target: { owner: 'acme', name: 'long' } })
    expect([status, body]).toEqual([202, expect.anything()])
    await held.fired
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 60_000 })
    expect((await caller.get(user)).status).toBe(200)
    expect(refreshes()).toBe(1)
    goOn()
    expect(await caller.finished(body.migration_id)).toMatchObject({ status: 'completed', error: null })
  })
})

describe('the server', () => {
  it('limits how often somebody may try to log in', async () => {
    const { url } = await stage.another({ rateLimit: { logins: 2 } })
    const caller = new Caller(url)
    const attempt = () => caller.post('/api/v1/auth/bitbucket', { username: 'admin', password: 'guess' })
    expect([(await attempt()).status, (await attempt()).status]).toEqual([401, 401])
    const refused = await attempt()
    expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED', detail: expect.any(String) } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await caller.get('/api/v1/auth/session')).status).toBe(200)
  })

  it('does not start with a private key that is missing or none, and says where it looked', async () => {
    for (const [path, reason] of [['/no/such/key.pem', 'cannot be read'], [fileURLToPath(import.meta.url), 'not a private key']] as const) {
      await expect(stage.another({ github: { privateKeyPath: path } })).rejects.toMatchObject({ code: 'MISSING_CONFIGURATION', message: expect.stringContaining(reason) })
      await expect(stage.another({ github: { privateKeyPath: path } })).rejects.toThrow(path)
    }
  })

  it('says that it has no App to log in with, and what to do instead', async () => {
    const { url } = await stage.another({ github: {} })
    expect(await new Caller(url).get('/api/v1/auth/github/app')).toMatchObject({ status: 503, body: { code: 'MISSING_CONFIGURATION', detail: expect.stringContaining('X-GitHub-Token') } })
  })
})

describe('the session', () => {
  it('is all false for somebody without one', async () => {
    expect((await stage.caller().get('/api/v1/auth/session')).body).toEqual({
      authenticated: false, bitbucket_authenticated: false, github_authenticated: false, bitbucket_username: null,
    })
  })

  it.each(['GET', 'POST'])('ends with %s /logout', async (method) => {
    const caller = await stage.user()
    const { cookie } = caller
    expect(await caller.send(method, '/api/v1/auth/logout')).toMatchObject({ status: 200, body: { status: 'success' } })
    expect(caller.cookie).toBeUndefined()
    caller.cookie = cookie
    expect((await caller.get('/api/v1/auth/bitbucket/projects')).status).toBe(401)
  })
})

it('logs lines without secrets or raw control characters', async () => {
  const lines: string[] = []
  const logger = createLogger({ write: (line) => lines.push(line) }, { secrets: ['canary-secret'] })
  logger.info({ name: 'x\u001b[31m\u0085\u202e' }, 'a canary-secret ghp_0123456789abcdefghij\u009b')
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toMatch(/canary|ghp_|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 30, name: 'x\u001b[31m\u0085\u202e' })
})
