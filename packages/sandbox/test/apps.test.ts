import { createSign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSandbox, type AppHandle, type Sandbox } from '../src/index.ts'
import { ApiDescription } from './openapi.ts'
import { basic, bearer, rest } from './support.ts'

const description = new ApiDescription()
const agent = { 'user-agent': 'test' }
let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await startSandbox()
  sandbox.github.createOrganization({ login: 'acme' })
  sandbox.github.createUser({ login: 'ada' })
  await sandbox.github.createRepository({ owner: 'acme', name: 'one', seed: { commits: 1 } })
  await sandbox.github.createRepository({ owner: 'acme', name: 'two' })
})
afterAll(() => sandbox.close())

function jwt(app: AppHandle, options: { issuer?: string; lifetime?: number } = {}): string {
  const { issuer = String(app.appId), lifetime = 300 } = options
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - 30, exp: now + lifetime, iss: issuer })}`
  return `${text}.${createSign('RSA-SHA256').update(text).sign(app.privateKey, 'base64url')}`
}

const call = (token: string) => rest(sandbox.github.url, bearer(token))

describe('a GitHub App', () => {
  it('proves itself by its key, finds its installation and gets tokens for it', async () => {
    const app = sandbox.github.createApp()
    const asApp = call(jwt(app))
    expect((await asApp('GET', '/orgs/acme/installation', undefined, agent)).status).toBe(404)
    const id = app.install('acme')
    const paths = ['/app', '/app/installations', '/orgs/acme/installation', '/repos/acme/one/installation']
    for (const path of paths) {
      const answer = await asApp('GET', path, undefined, agent)
      expect(answer.status).toBe(200)
      expect(description.faultsOf('GET', path, 200, answer.body)).toEqual([])
    }
    const path = `/app/installations/${id}/access_tokens`
    const { status, body } = await asApp('POST', path, {}, agent)
    expect(status).toBe(201)
    expect(description.faultsOf('POST', path, 201, body)).toEqual([])
    expect(Date.parse(body.expires_at) - Date.now()).toBeGreaterThan(3_590_000)
    const asInstallation = call(body.token)
    const repositories = await asInstallation('GET', '/installation/repositories', undefined, agent)
    expect(repositories.body).toMatchObject({ total_count: 2 })
    expect(description.faultsOf('GET', '/installation/repositories', 200, repositories.body)).toEqual([])
    expect((await asInstallation('PATCH', '/repos/acme/one', { description: 'by the App' }, agent)).body).toMatchObject({ description: 'by the App' })
    expect((await asInstallation('GET', '/user', undefined, agent)).status).toBe(403)
    const refs = `${sandbox.github.webUrl}/acme/one.git/info/refs?service=git-receive-pack`
    expect((await fetch(refs, { headers: { authorization: basic('x-access-token', body.token) } })).status).toBe(200)
  })

  it('is not believed with another key, or with times that are wrong', async () => {
    const app = sandbox.github.createApp()
    const other = sandbox.github.createApp()
    const status = async (token: string) => (await call(token)('GET', '/app', undefined, agent)).status
    expect(await status(jwt(app, { issuer: app.clientId }))).toBe(200)
    expect(await status(jwt({ ...app, privateKey: other.privateKey }))).toBe(401)
    expect(await status(jwt(app, { lifetime: -1 }))).toBe(401)
    expect(await status(jwt(app, { lifetime: 3600 }))).toBe(401)
  })

  it('gets tokens that are narrower, and never wider, than its installation', async () => {
    const app = sandbox.github.createApp()
    const id = app.install('acme', { permissions: { contents: 'read', metadata: 'read' } })
    const asApp = call(jwt(app))
    const path = `/app/installations/${id}/access_tokens`
    expect((await asApp('POST', path, { permissions: { contents: 'write' } }, agent)).status).toBe(422)
    expect((await asApp('POST', path, { repositories: ['none'] }, agent)).status).toBe(422)
    const { body } = await asApp('POST', path, { repositories: ['one'] }, agent)
    expect(body.repository_selection).toBe('selected')
    expect((await call(body.token)('GET', '/repos/acme/one', undefined, agent)).status).toBe(200)
    expect((await call(body.token)('GET', '/repos/acme/two', undefined, agent)).status).toBe(404)
    expect(await call(body.token)('PATCH', '/repos/acme/one', { description: 'x' }, agent)).toMatchObject({
      status: 403, body: { message: 'Resource not accessible by integration' },
    })
  })

  it('has to renew its tokens', async () => {
    const app = sandbox.github.createApp()
    const id = app.install('acme', { tokenTtlSeconds: 0.05 })
    const { body } = await call(jwt(app))('POST', `/app/installations/${id}/access_tokens`, {}, agent)
    await expect.poll(async () => (await call(body.token)('GET', '/repos/acme/one', undefined, agent)).status).toBe(401)
  })
})

describe('the pages where a user agrees', () => {
  const callback = 'http://127.0.0.1:1/callback?kept=1'
  /** Opens the page, presses its button, and returns where the browser is sent. */
  async function agree(app: AppHandle, state: string, redirectUri?: string, button = '1'): Promise<Response> {
    const url = new URL('/login/oauth/authorize', sandbox.github.webUrl)
    url.search = new URLSearchParams({ client_id: app.clientId, state, ...(redirectUri ? { redirect_uri: redirectUri } : {}) }).toString()
    const page = await (await fetch(url)).text()
    const unescape = (text = '') => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    const fields = new URLSearchParams()
    for (const [, name = '', value] of page.matchAll(/name="(\w+)" value="([^"]*)"/g)) if (name !== 'authorize') fields.append(name, unescape(value))
    fields.append('authorize', button)
    const [, action = ''] = /action="([^"]+)"/.exec(page) ?? []
    return fetch(new URL(action, sandbox.github.webUrl), { method: 'POST', redirect: 'manual', body: fields })
  }
  const exchange = async (body: Record<string, string>) => {
    const response = await fetch(`${sandbox.github.webUrl}/login/oauth/access_token`, { method: 'POST', headers: { accept: 'application/json' }, body: new URLSearchParams(body) })
    return (await response.json())
  }

  it('send back a code and the state, and the code gives a token, once', async () => {
    const app = sandbox.github.createApp({ callbackUrl: callback })
    sandbox.github.setBrowserUser('ada')
    const sent = await agree(app, 'a "state" & more')
    expect(sent.status).toBe(302)
    const location = new URL(sent.headers.get('location')!)
    expect(location.searchParams.get('state')).toBe('a "state" & more')
    expect(location.searchParams.get('kept')).toBe('1')
    const grant = { client_id: app.clientId, client_secret: app.clientSecret, code: location.searchParams.get('code')! }
    expect(await exchange({ ...grant, client_secret: 'wrong' })).toMatchObject({ error: 'incorrect_client_credentials' })
    const token = await exchange(grant)
    expect(token).toMatchObject({ token_type: 'bearer', expires_in: 28_800, access_token: expect.stringMatching(/^ghu_/) as string })
    expect((await call(token.access_token)('GET', '/user', undefined, agent)).body.login).toBe('ada')
    expect(await exchange(grant)).toMatchObject({ error: 'bad_verification_code' })
    const renewed = await exchange({ client_id: app.clientId, client_secret: app.clientSecret, grant_type: 'refresh_token', refresh_token: token.refresh_token })
    expect((await call(renewed.access_token)('GET', '/user', undefined, agent)).body.login).toBe('ada')
    expect(await exchange({ client_id: app.clientId, client_secret: app.clientSecret, grant_type: 'refresh_token', refresh_token: token.refresh_token })).toMatchObject({ error: 'bad_refresh_token' })
  })

  it('send back a refusal as well', async () => {
    const app = sandbox.github.createApp({ callbackUrl: callback })
    const { searchParams } = new URL((await agree(app, 's', undefined, '0')).headers.get('location')!)
    expect(Object.fromEntries(searchParams)).toMatchObject({ error: 'access_denied', state: 's' })
    expect(searchParams.has('code')).toBe(false)
  })

  it('send nobody anywhere else than where the App lives', async () => {
    const app = sandbox.github.createApp({ callbackUrl: callback })
    expect((await agree(app, 's', 'http://evil.invalid/')).status).toBe(400)
    expect((await agree(app, 's', 'no address')).status).toBe(400)
    expect((await agree({ ...app, clientId: 'unknown' }, 's')).status).toBe(404)
  })

  it('give tokens that end, or that do not', async () => {
    const brief = sandbox.github.createApp({ callbackUrl: callback, userTokenTtlSeconds: 0.05 })
    const lasting = sandbox.github.createApp({ callbackUrl: callback, userTokenTtlSeconds: 0 })
    const tokenOf = async (app: AppHandle) => {
      const location = new URL((await agree(app, 's')).headers.get('location')!)
      return exchange({ client_id: app.clientId, client_secret: app.clientSecret, code: location.searchParams.get('code')! })
    }
    const { access_token: ending } = await tokenOf(brief)
    await expect.poll(async () => (await call(ending)('GET', '/user', undefined, agent)).status).toBe(401)
    expect(await tokenOf(lasting)).not.toHaveProperty('refresh_token')
  })
})
