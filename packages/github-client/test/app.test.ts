import { createPrivateKey } from 'node:crypto'
import type { Sandbox } from '@saddle/sandbox'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { GitHubClient } from '../src/index.ts'
import { all, failureOf, rehearsalStage, rehearse } from './support.ts'

type AppHandle = ReturnType<Sandbox['github']['createApp']>

let github: Sandbox['github']
let app: AppHandle
let number = 0

beforeAll(async () => {
  ;({ github } = await rehearsalStage())
})
beforeEach(() => {
  app = github.createApp()
  github.createOrganization({ login: `org-${++number}` })
  github.clearRequests()
})
afterEach(() => { vi.useRealTimers() })
const org = () => `org-${number}`
const auth = (handle: AppHandle = app) => ({ appId: handle.appId, privateKey: handle.privateKey })
const mints = () => github.requests.filter(({ path }) => path.includes('/access_tokens')).length

describe('a GitHub App', () => {
  it('finds its installation by the owner and keeps the token for all that concerns that owner', async () => {
    app.install(org())
    const { client } = rehearse({ baseUrl: github.url, auth: auth() })
    await Promise.all([1, 2, 3].map((index) => client.createRepository({ owner: org(), name: `r${index}`, visibility: 'private' })))
    expect(await all(client.organizationRepositories(org().toUpperCase()))).toHaveLength(3)
    expect(github.requests.filter(({ path }) => path.endsWith('/installation'))).toHaveLength(1)
    expect(mints()).toBe(1)
  })

  it('works for a user, by a given installation, and on several owners at once', async () => {
    github.createUser({ login: `user-${number}` })
    app.install(`user-${number}`)
    const installationId = app.install(org())
    await github.createRepository({ owner: `user-${number}`, name: 'own' })
    await github.createRepository({ owner: org(), name: 'shared' })
    const { client } = rehearse({ baseUrl: github.url, auth: auth() })
    expect(await client.repository(`user-${number}`, 'own')).toBeDefined()
    expect(await client.repository(org(), 'shared')).toBeDefined()
    expect(mints()).toBe(2)

    github.clearRequests()
    const given = rehearse({ baseUrl: github.url, auth: { ...auth(), installationId } })
    expect(await given.client.repository(org(), 'shared')).toBeDefined()
    expect(github.requests.some(({ path }) => path.endsWith('/installation'))).toBe(false)
  })

  it('says who it is and where it is installed', async () => {
    app.install(org())
    const { client } = rehearse({ baseUrl: github.url, auth: auth() })
    expect(await client.viewer()).toEqual({ login: `${app.slug}[bot]`, type: 'App' })
    expect((await all(client.organizations())).map(({ login }) => login)).toEqual([org()])
    expect(await client.rateLimit()).toMatchObject({ limit: 5000 })
  })

  it('says how to install it where it is not, and asks again next time', async () => {
    const { client } = rehearse({ baseUrl: github.url, auth: auth() })
    const error = await failureOf(client.repository(org(), 'tool'))
    expect(error).toMatchObject({ code: 'FORBIDDEN', retryable: false })
    expect(error.message).toMatch(/is not installed on org-\d+.*\/installations\/new/)
    app.install(org())
    expect(await client.repository(org(), 'tool')).toBeUndefined()

    const gone = rehearse({ baseUrl: github.url, auth: { ...auth(), installationId: 999_999 } })
    // Not undefined: nobody looked for the repository.
    expect(await failureOf(gone.client.repository(org(), 'tool'))).toMatchObject({ code: 'FORBIDDEN', context: { option: 'auth.installationId' } })
  })

  it('refuses a key that is none at once, and shows nothing of it', () => {
    const cut = app.privateKey.slice(0, 400)
    for (const privateKey of ['/etc/keys/app.pem', cut, app.privateKey.split('\n')[0]!, '']) {
      let error: unknown
      try {
        new GitHubClient({ baseUrl: github.url, auth: { appId: 1, privateKey } })
      } catch (thrown) {
        error = thrown
      }
      expect(error).toMatchObject({ code: 'INVALID_INPUT', context: { option: 'auth.privateKey' } })
      expect((error as Error).cause).toBeUndefined()
    }
  })

  it('refuses an id that is none', () => {
    for (const appId of ['', 'my app']) {
      expect(() => new GitHubClient({ baseUrl: github.url, auth: { ...auth(), appId } })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', context: { option: 'auth.appId' } }))
    }
  })

  it('takes a key in the older form, and with line breaks written out', async () => {
    app.install(org())
    const pkcs1 = createPrivateKey(app.privateKey).export({ type: 'pkcs1', format: 'pem' }).toString()
    for (const privateKey of [pkcs1, pkcs1.replaceAll('\n', '\\n'), `  ${app.privateKey.replaceAll('\n', '\r\n')}\n\n`]) {
      const { client } = rehearse({ baseUrl: github.url, auth: { appId: String(app.appId), privateKey } })
      expect(await client.viewer()).toMatchObject({ type: 'App' })
    }
  })

  it('a key of another App is refused once, with the reason', async () => {
    app.install(org())
    const { client } = rehearse({ baseUrl: github.url, auth: { appId: app.appId, privateKey: github.createApp().privateKey } })
    expect(await failureOf(client.repository(org(), 'tool'))).toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    expect(github.requests).toHaveLength(1)
  })
})

describe('its tokens', () => {
  it('are replaced before they expire', async () => {
    const now = Date.now()
    const installation = app.install(org(), { tokenTtlSeconds: 3600 })
    const { client } = rehearse({ baseUrl: github.url, auth: { ...auth(), installationId: installation } })
    const remote = client.gitRemote(org(), 'tool')
    const first = await remote.http.authorization()
    expect(await remote.http.authorization()).toEqual(first)
    vi.setSystemTime(now + 54 * 60_000)
    expect(await remote.http.authorization()).toEqual(first)
    vi.setSystemTime(now + 56 * 60_000)
    const second = await remote.http.authorization()
    expect(second).not.toEqual(first)
    expect(mints()).toBe(2)
  })

  it('are replaced when GitHub refuses one, for REST at once', async () => {
    app.install(org())
    await github.createRepository({ owner: org(), name: 'tool' })
    const { client } = rehearse({ baseUrl: github.url, auth: auth() })
    const { authorization } = await client.gitRemote(org(), 'tool').http.authorization()
    github.revokeToken(Buffer.from(authorization!.slice('Basic '.length), 'base64').toString().slice('x-access-token:'.length))
    expect(await client.repository(org(), 'tool')).toBeDefined()
    expect(mints()).toBe(2)
  })

  it('open git, fresh at every request, and are in no text', async () => {
    app.install(org())
    await github.createRepository({ owner: org(), name: 'tool', seed: { commits: 1 } })
    const { client } = rehearse({ baseUrl: github.url, auth: auth() })
    const { url, http } = client.gitRemote(org(), 'tool')
    expect(url).toBe(`${github.webUrl}/${org()}/tool.git`)
    const { text } = await http.text(`${url}/info/refs?service=git-upload-pack`)
    expect(text).toContain('refs/heads/main')
    const { authorization } = await http.authorization()
    const basic = authorization!.slice('Basic '.length)
    const token = Buffer.from(basic, 'base64').toString().slice('x-access-token:'.length)
    expect(token).toMatch(/^ghs_/)
    for (const secret of [basic, token, app.privateKey, JSON.stringify(app.privateKey).slice(1, -1)]) expect(client.redactor.redact(`<${secret}>`)).toBe('<[redacted]>')
  })

  it('of one server do not serve another, although the numbers are the same', async () => {
    const other = (await rehearsalStage()).github
    other.createOrganization({ login: org() })
    const installationId = app.install(org())
    await github.createRepository({ owner: org(), name: 'tool' })
    const here = rehearse({ baseUrl: github.url, auth: { ...auth(), installationId } })
    const there = rehearse({ baseUrl: other.url, auth: { ...auth(), installationId } })
    const [found, refused] = await Promise.all([here.client.repository(org(), 'tool'), failureOf(there.client.repository(org(), 'tool'))])
    expect(found).toBeDefined()
    expect(refused).toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    expect(other.requests.some(({ headers }) => String(headers['authorization']).includes('ghs_'))).toBe(false)
  })

  it('are asked for by nobody who was cancelled, and by the others still', async () => {
    app.install(org())
    await github.createRepository({ owner: org(), name: 'tool' })
    const { client } = rehearse({ baseUrl: github.url, auth: auth() })
    const abort = new AbortController()
    github.fault({ path: '/access_tokens', action: { before: () => { abort.abort() } } })
    const cancelled = failureOf(client.repository(org(), 'tool', { signal: abort.signal }))
    const other = client.repository(org(), 'tool')
    expect(await cancelled).toMatchObject({ code: 'ABORTED' })
    expect(await other).toBeDefined()
    expect(mints()).toBe(1)
  })
})
