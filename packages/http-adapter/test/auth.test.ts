import { createLogger } from '../src/index.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setStage, type Stage } from './stage.ts'

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

  it('refuses a code that GitHub does not know', async () => {
    const caller = stage.caller()
    const { body } = await caller.get('/api/v1/auth/github/app')
    const answer = await caller.post('/api/v1/auth/github/callback', { code: 'made-up', state: body.state })
    expect(answer).toMatchObject({ status: 401, body: { code: 'AUTHENTICATION_FAILED' } })
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
