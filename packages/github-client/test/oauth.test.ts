import type { Sandbox } from '@saddle/sandbox'
import { Redactor } from '@saddle/transport'
import { beforeAll, describe, expect, it } from 'vitest'
import { authorizationUrl, exchangeCode, refreshToken, webUrlOf } from '../src/index.ts'
import { failureOf, rehearsalStage, rehearse } from './support.ts'

const redirectUri = 'https://saddle.example.com/callback'
let github: Sandbox['github']
let app: ReturnType<Sandbox['github']['createApp']>
const redactor = new Redactor()
const oauthApp = (change: object = {}) => ({ clientId: app.clientId, clientSecret: app.clientSecret, webUrl: github.webUrl, redactor, ...change })

beforeAll(async () => {
  ;({ github } = await rehearsalStage())
  github.createUser({ login: 'olga' })
  github.setBrowserUser('olga')
  app = github.createApp({ callbackUrl: redirectUri })
})

/** What a user's browser does: opens the page, presses its button, and is sent back. */
async function agree(state: string): Promise<URL> {
  const page = await (await fetch(authorizationUrl({ clientId: app.clientId, redirectUri, state, webUrl: webUrlOf(github.url) }))).text()
  const fields = [...page.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)].map(([, name, value]) => [name!, value!.replace(/&#(\d+);/g, (_all, number) => String.fromCharCode(Number(number)))] as [string, string])
  const answer = await fetch(`${github.webUrl}/login/oauth/authorize`, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  return new URL(answer.headers.get('location')!)
}

describe('signing in', () => {
  it('leads from the page over the callback to a token of the user, and on to the next', async () => {
    const callback = await agree('a b&c=d')
    expect(callback.searchParams.get('state')).toBe('a b&c=d')
    const code = callback.searchParams.get('code')!
    const token = await exchangeCode(oauthApp(), { code, redirectUri })
    expect(token).toMatchObject({ accessToken: expect.stringMatching(/^ghu_/) as string, refreshToken: expect.stringMatching(/^ghr_/) as string, scopes: [] })
    expect(Date.parse(token.expiresAt!) - Date.now()).toBeGreaterThan(7.9 * 3_600_000)
    const { client } = rehearse({ baseUrl: github.url, auth: { token: token.accessToken } })
    expect(await client.viewer()).toEqual({ login: 'olga', type: 'User' })

    const next = await refreshToken(oauthApp(), { refreshToken: token.refreshToken! })
    expect(next.accessToken).not.toBe(token.accessToken)
    const again = await failureOf(refreshToken(oauthApp(), { refreshToken: token.refreshToken! }))
    expect(again).toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    for (const secret of [code, app.clientSecret, token.accessToken, token.refreshToken!, next.accessToken]) {
      expect(redactor.redact(secret)).toBe('[redacted]')
    }
  })

  it('takes a code once, and tells its failures apart', async () => {
    const code = (await agree('s')).searchParams.get('code')!
    await exchangeCode(oauthApp(), { code })
    expect(await failureOf(exchangeCode(oauthApp(), { code }))).toMatchObject({ code: 'AUTHENTICATION_FAILED', retryable: false })
    expect(await failureOf(exchangeCode(oauthApp({ clientSecret: 'wrong-secret' }), { code }))).toMatchObject({ code: 'AUTHENTICATION_FAILED', context: { option: 'clientSecret' } })
    const other = (await agree('s')).searchParams.get('code')!
    expect(await failureOf(exchangeCode(oauthApp(), { code: other, redirectUri: 'https://evil.example/' }))).toMatchObject({ code: 'INVALID_INPUT', context: { option: 'redirectUri' } })
  })

  it('knows tokens that do not expire', async () => {
    app = github.createApp({ callbackUrl: redirectUri, userTokenTtlSeconds: 0 })
    const code = (await agree('s')).searchParams.get('code')!
    expect(await exchangeCode(oauthApp(), { code })).toEqual({ accessToken: expect.any(String) as string, expiresAt: undefined, refreshToken: undefined, refreshTokenExpiresAt: undefined, scopes: [] })
  })

  it('sends a code once, also when the answer is lost, and repeats no secret from a strange answer', async () => {
    const lost = github.fault({ path: '/login/oauth/access_token', times: 9, action: { dropAnswer: true } })
    expect(await failureOf(exchangeCode(oauthApp(), { code: 'canary-code' }))).toMatchObject({ code: 'NETWORK' })
    expect(lost.hits).toBe(1)
    lost.remove()
    github.fault({ path: '/login/oauth/access_token', action: { status: 200, body: { error: 'odd', error_description: 'canary-code and canary-secret' } } })
    const odd = await failureOf(exchangeCode(oauthApp({ clientSecret: 'canary-secret' }), { code: 'canary-code' }))
    expect(odd.message).toBe('GitHub refuses to sign the user in (odd): [redacted] and [redacted] Sign in again.')
    github.fault({ path: '/login/oauth/access_token', action: { status: 200, body: { hello: 1 } } })
    expect(await failureOf(exchangeCode(oauthApp(), { code: 'canary-code' }))).toMatchObject({ code: 'PROTOCOL_ERROR' })
  })

  it('goes to github.com unless told otherwise', () => {
    expect(authorizationUrl({ clientId: 'Iv1.x', redirectUri, state: 's', scopes: ['repo', 'read:org'] })).toBe(
      'https://github.com/login/oauth/authorize?client_id=Iv1.x&redirect_uri=https%3A%2F%2Fsaddle.example.com%2Fcallback&state=s&scope=repo+read%3Aorg',
    )
  })
})
