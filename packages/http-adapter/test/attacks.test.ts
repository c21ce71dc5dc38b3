import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { CredentialVault, Keyring, MemorySessionStore } from '@saddle/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../src/index.ts'
import type { Caller } from './caller.ts'
import { rawRequest, sendRaw } from './raw.ts'
import { keys, setStage, type Stage } from './stage.ts'

let stage: Stage
let user: Caller
const log: string[] = []
const sessionStore = new MemorySessionStore()
beforeAll(async () => {
  stage = await setStage({
    server: {
      sessionStore, sessionKeys: keys, allowedOrigins: ['https://app.example'], allowedHosts: ['saddle.internal:8443'],
      logger: createLogger({ write: (line) => log.push(line) }), rateLimit: { logins: 1000 },
    },
  })
  user = await stage.user()
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await sessionStore.close()
})

const raw = (method: string, path: string, headers?: Record<string, string>, body?: string) => sendRaw(stage.port, rawRequest(method, path, headers, body))
/** Every refusal has the contract's shape, and nothing of the server's insides. */
function expectShape(body: unknown): void {
  const parsed = (typeof body === 'string' ? JSON.parse(body) : body) as Record<string, unknown>
  expect(parsed).toEqual({ detail: expect.any(String), code: expect.stringMatching(/^[A-Z_]+$/), ...(parsed['issues'] ? { issues: expect.any(Array) } : {}) })
  expect(JSON.stringify(parsed)).not.toMatch(/node_modules|\.ts:\d|\\n\s+at /)
}
const startBody = { source: { project: 'PRJ', repository: 'repo' }, target: { owner: 'acme', name: 'repo' }, repository_option: 'new' }

describe('the name of the server', () => {
  it.each(['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', 'saddle.internal', 'saddle.internal:1', 'a@127.0.0.1', ''])('is not %s', async (host) => {
    const answer = await raw('GET', '/api/v1/auth/session', { host })
    expect(answer.status).toBe(421)
    expectShape(answer.body)
  })

  it('is that of the header, not of a whole address in the request line, and has to be there', async () => {
    const absolute = await sendRaw(stage.port, rawRequest('GET', 'http://evil.example/api/v1/auth/session', { host: 'evil.example' }))
    expect(absolute.status).toBe(421)
    const none = await sendRaw(stage.port, 'GET /api/v1/auth/session HTTP/1.1\r\nconnection: close\r\n\r\n')
    expect(none.status).toBe(400)
    const forwarded = await raw('GET', '/api/v1/auth/session', { host: 'evil.example', 'x-forwarded-host': '127.0.0.1' })
    expect(forwarded.status).toBe(421)
  })

  it.each(['127.0.0.1', 'localhost:1234', '[::1]:80', 'saddle.internal:8443', 'LOCALHOST'])('can be %s', async (host) => {
    expect((await raw('GET', '/health', { host })).status).toBe(200)
  })
})

describe('writes that a foreign page could cause', () => {
  it.each([
    ['a foreign origin', { origin: 'https://evil.example' }],
    ['an origin that only ends like an allowed one', { origin: 'https://evil-app.example' }],
    ['an origin below an allowed one', { origin: 'https://app.example.evil.example' }],
    ['an allowed name without TLS', { origin: 'http://app.example' }],
    ['no origin, as from a sandboxed frame', { origin: 'null' }],
    ['what the browser calls cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['what the browser calls same-site', { 'sec-fetch-site': 'same-site' }],
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a multipart form', { 'content-type': 'multipart/form-data; boundary=x' }],
  ])('are refused: %s', async (_, headers) => {
    const answer = await raw('POST', '/api/v1/migration/start', { cookie: user.cookie!, 'content-type': 'application/json', ...headers }, JSON.stringify(startBody))
    expect(answer.status).toBe(403)
    expectShape(answer.body)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'CSRF' })
  })

  it('are refused at the logout that is a GET, too', async () => {
    expect((await raw('GET', '/api/v1/auth/logout', { cookie: user.cookie!, 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await user.get('/api/v1/auth/session')).body.authenticated).toBe(true)
  })

  it.each([['an allowed origin', { origin: 'https://app.example' }], ['the server\'s own pages', {}]])('are taken from %s', async (_, headers) => {
    const own = Object.keys(headers).length ? headers : { origin: stage.url, host: new URL(stage.url).host, 'sec-fetch-site': 'same-origin' }
    const answer = await raw('POST', '/api/v1/auth/bitbucket', { 'content-type': 'application/json', ...own }, '{}')
    expect(answer.status).toBe(422)
  })
})

describe('CORS', () => {
  it.each(['https://evil.example', 'null', 'https://app.example.evil.example', 'https://xapp.example', 'http://app.example'])('says nothing to %s', async (origin) => {
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await raw(method, '/api/v1/auth/session', { origin, ...(method === 'OPTIONS' ? { 'access-control-request-method': 'POST' } : {}) })
      expect(headers['access-control-allow-origin'] ?? 'none').not.toBe(origin)
      expect(headers['access-control-allow-origin']).not.toBe('*')
    }
  })
})

describe('bodies', () => {
  it.each([
    ['broken JSON', '{"source":'],
    ['a prototype', '{"__proto__":{"polluted":true},"username":"a","password":"b"}'],
    ['a constructor', '{"constructor":{"prototype":{"polluted":true}},"username":"a","password":"b"}'],
    ['an unknown field', '{"username":"a","password":"b","admin":true}'],
    ['another type', '[]'],
    ['nothing', ''],
  ])('are refused with 422: %s', async (_, body) => {
    const answer = await raw('POST', '/api/v1/auth/bitbucket', { 'content-type': 'application/json', ...(body ? {} : { 'content-length': '0' }) }, body)
    expect(answer.status).toBe(422)
    expectShape(answer.body)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('are not read beyond the limit, announced or not', async () => {
    const announced = await raw('POST', '/api/v1/auth/bitbucket', { 'content-type': 'application/json', 'content-length': String(1024 ** 3) })
    expect(announced.status).toBe(413)
    expectShape(announced.body)
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
    const head = rawRequest('POST', '/api/v1/auth/bitbucket', { 'content-type': 'application/json', 'transfer-encoding': 'chunked' })
    const unannounced = await sendRaw(stage.port, [head, ...Array.from({ length: 40 }, () => chunk)])
    expect(unannounced.status).toBe(413)
    expectShape(unannounced.body)
  })

  it('are not inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    expect(bomb.length).toBeLessThan(1024 * 1024)
    const head = rawRequest('POST', '/api/v1/auth/bitbucket', { 'content-type': 'application/json', 'content-encoding': 'gzip', 'content-length': String(bomb.length) })
    const answer = await sendRaw(stage.port, [head, bomb])
    expect(answer.status).toBe(415)
    expectShape(answer.body)
  })
})

describe('a peer that sends a byte at a time and never ends', () => {
  async function* slowly(head: string) {
    yield head
    for (;;) {
      await setTimeout(20)
      yield 'x'
    }
  }

  it.each([
    ['of the headers', 'POST /api/v1/auth/bitbucket HTTP/1.1\r\nhost: 127.0.0.1\r\nx-endless: '],
    ['of the body', rawRequest('POST', '/api/v1/auth/bitbucket', { 'content-type': 'application/json', 'content-length': '100000' })],
  ])('%s is told that it took too long, and cut off', { timeout: 20_000 }, async (_, head) => {
    const { url } = await stage.another({ requestTimeoutMs: 200 })
    const answer = await sendRaw(Number(new URL(url).port), slowly(head))
    expect(answer).toMatchObject({ status: 408, headers: { connection: 'close' } })
    expectShape(answer.body)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'TIMEOUT' })
  })
})

describe('addresses that are not there', () => {
  it.each([['GET', '/'], ['GET', '/api/v1/nothing'], ['GET', '/api/v1/migration/status'], ['POST', '/admin'], ['TRACE', '/health']])('%s %s', async (method, path) => {
    const answer = await raw(method, path)
    expect(answer.status).toBe(404)
    expectShape(answer.body)
  })

  it('cannot be reached by a path that goes up, or twice through the decoder', async () => {
    for (const path of ['/api/v1/../../etc/passwd', '/docs/static/..%2f..%2f..%2fpackage.json', '/docs/static/%252e%252e/package.json', '/redoc/../../package.json', '//evil.example/%2e%2e']) {
      const answer = await raw('GET', path)
      expect([404, 421, 422], path).toContain(answer.status)
      expect(answer.body).not.toContain('"dependencies"')
    }
  })

  it.each([['DELETE', '/health', 'GET, HEAD'], ['GET', '/api/v1/migration/start', 'POST'], ['PUT', '/api/v1/auth/logout', 'GET, HEAD, POST'], ['PATCH', '/api/v1/migration/bulk/x/status', 'GET, HEAD']])(
    '%s %s has other methods', async (method, path, allow) => {
      const answer = await raw(method, path)
      expect(answer.status).toBe(405)
      expect(answer.headers['allow']).toBe(allow)
      expectShape(answer.body)
    },
  )

  it.each(['/api/v1/%zz', '/api/v1/migration/status/%00', '/api/v1/migration/status/..%2f..%2fetc', `/api/v1/migration/status/${'a'.repeat(10_000)}`])('%s', async (path) => {
    const answer = await raw('GET', path, { cookie: user.cookie! })
    expect([404, 414, 422]).toContain(answer.status)
    expectShape(answer.body)
  })

  it('is told of what HTTP cannot parse', async () => {
    const answer = await sendRaw(stage.port, 'NONSENSE\r\n\r\n')
    expect(answer.status).toBe(400)
    expectShape(answer.body)
    const large = await raw('GET', '/health', { 'x-large': 'a'.repeat(100_000) })
    expect(large.status).toBe(431)
    expectShape(large.body)
  })
})

describe('names', () => {
  it.each(['../../x', '..', 'a/b', 'a\\b', 'a\u0000b', 'x'.repeat(10_240), '--upload-pack=x', '$(id)', 'a b', '<script>', '\u202e', ''])('of targets are refused: %j', async (name) => {
    for (const target of [{ owner: 'acme', name }, { owner: name, name: 'repo' }]) {
      // GitHub takes names that begin with dots or dashes.
      if (target.name === '--upload-pack=x') continue
      const answer = await user.post('/api/v1/migration/start', { ...startBody, target })
      expect(answer.status).toBe(422)
      expectShape(answer.body)
    }
  })

  it.each(['../../x', 'a/b', 'a\u0000b', '\u001b[31m', 'x'.repeat(10_240)])('of sources are refused: %j', async (repository) => {
    const answer = await user.post('/api/v1/migration/start', { ...startBody, source: { project: 'PRJ', repository } })
    expect(answer.status).toBe(422)
    expectShape(answer.body)
  })

  it('of sources that look like paths of the REST API lead nowhere else', async () => {
    stage.sandbox.bitbucket.clearRequests()
    for (const name of ['..%2f..%2fadmin', '%2e%2e', 'repo?x=1', 'repo#x', 'CON']) {
      const answer = await user.get(`/api/v1/bitbucket/projects/PRJ/repositories/${encodeURIComponent(name)}`)
      expect([404, 422]).toContain(answer.status)
      expectShape(answer.body)
    }
    for (const { path } of stage.sandbox.bitbucket.requests) expect(path).toMatch(/^\/rest\/api\/latest\/projects\/PRJ\/repos\//)
  })
})

describe('addresses', () => {
  it('are the operator\'s alone: no field of a request takes one', async () => {
    stage.sandbox.bitbucket.clearRequests()
    for (const address of ['http://169.254.169.254/', 'http://[::ffff:127.0.0.1]/', 'http://2130706433/', 'http://0x7f000001/', 'http://localhost/', 'https://allowed.evil.com', 'file:///etc/passwd', 'gopher://x', 'ext::sh -c id', 'https://allowed@evil/', 'https://x/\r\nHost: y']) {
      for (const body of [
        { ...startBody, source: { project: 'PRJ', repository: address } },
        { ...startBody, source: { project: address, repository: 'repo' } },
        { ...startBody, source: { ...startBody.source, url: address } },
        { ...startBody, target: { ...startBody.target, url: address } },
        { ...startBody, source_url: address },
      ]) {
        const answer = await user.post('/api/v1/migration/start', body)
        // What could be a name is looked up as one, and found nowhere.
        expect([404, 422]).toContain(answer.status)
        expectShape(answer.body)
      }
    }
    for (const { path } of stage.sandbox.bitbucket.requests) expect(path).toMatch(/^\/rest\/api\/latest\/projects\/[^/]+\/repos\/[^/]+$/)
  })

  it('of another host that the source sends us to are not followed, and see no credential', async () => {
    stage.sandbox.bitbucket.fault({ path: '/rest/api/latest/projects', action: { status: 302, headers: { location: `http://localhost:${new URL(stage.sandbox.github.url).port}/stolen` } } })
    stage.sandbox.github.clearRequests()
    const answer = await user.get('/api/v1/bitbucket/projects')
    expect(answer).toMatchObject({ status: 502, body: { code: 'REDIRECTED' } })
    expectShape(answer.body)
    expect(stage.sandbox.github.requests).toEqual([])
  })
})

describe('what the servers behind it say', () => {
  it.each([
    [{ status: 500, body: 'boom' }, 502], [{ status: 429, headers: { 'retry-after': '7' } }, 429],
    [{ status: 200, body: '<html>login</html>' }, 502], [{ reset: true }, 502],
  ] as const)('becomes an error of its own: %j', async (action, status) => {
    const fault = stage.sandbox.bitbucket.fault({ path: '/rest/api/latest/projects', times: 20, action })
    const answer = await user.get('/api/v1/bitbucket/projects')
    fault.remove()
    expect(answer.status).toBe(status)
    if (status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(7)
    expectShape(answer.body)
  })

  it('carries no token that it echoes', async () => {
    const { token } = stage.sandbox.github
    const fault = stage.sandbox.github.fault({ path: '/user', times: 5, action: { status: 422, body: { message: `Bad token ${token} and ${Buffer.from(token).toString('base64')}` } } })
    const answer = await user.get('/api/v1/github/user')
    fault.remove()
    expectShape(answer.body)
    expect(JSON.stringify(answer.body)).not.toContain(token)
    expect(JSON.stringify(answer.body)).not.toContain(Buffer.from(token).toString('base64'))
  })
})

describe('stored credentials', () => {
  it('do not open when a byte was changed, or when they are another session\'s', async () => {
    const [mine, theirs] = [await stage.user(), await stage.user()]
    const newest = [...new Set(accounts().map(({ key }) => key))].slice(0, 2).reverse()
    const [first, second] = newest.map((key) => ({ key, value: accounts().find((one) => one.key === key)!.value }))
    await sessionStore.set(first!.key, second!.value, Date.now() + 60_000)
    const answers = [await mine.get('/api/v1/bitbucket/projects'), await theirs.get('/api/v1/bitbucket/projects')]
    expect(answers.map(({ status }) => status)).toEqual([401, 200])
    expectShape(answers[0]!.body)
    const flipped = second!.value.replace(/"sealed":"(\w+\.[\w-]+\.)(.)/, (_, head: string, letter: string) => `"sealed":"${head}${letter === 'A' ? 'B' : 'A'}`)
    expect(flipped).not.toBe(second!.value)
    await sessionStore.set(second!.key, flipped, Date.now() + 60_000)
    expect(await theirs.get('/api/v1/bitbucket/projects')).toMatchObject({ status: 401, body: { code: 'AUTHENTICATION_FAILED' } })
  })

  /** What is in the store, by a store that writes down what it was given. */
  const accounts = () => written.filter(({ key }) => key.startsWith('account/'))
  const written: { key: string; value: string }[] = []
  const replace = sessionStore.replace.bind(sessionStore)
  sessionStore.replace = (key, expected, value, expiresAt) => {
    written.unshift({ key, value })
    return replace(key, expected, value, expiresAt)
  }

  it('are never stored, logged or answered in clear', async () => {
    const { adminPassword } = stage.sandbox.bitbucket
    const { token } = stage.sandbox.github
    await stage.user()
    for (const secret of [adminPassword, token, user.cookie!.split('=')[1]!]) {
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
        expect(written.map(({ value }) => value).join('\n')).not.toContain(form)
        expect(log.join('')).not.toContain(form)
      }
    }
    expect(new CredentialVault(sessionStore, new Keyring(keys))).toBeDefined()
  })
})

describe('the log', () => {
  it('has one line for each request, whatever is in its address', async () => {
    log.length = 0
    await raw('GET', '/api/v1/nothing%0d%0aforged%1b[31m?token=canary-query-secret')
    await expect.poll(() => log.length).toBe(1)
    expect(log[0]).toMatch(/^[^\n]*\n$/)
    expect(log[0]).not.toContain('canary')
    expect(JSON.parse(log[0]!)).toMatchObject({ method: 'GET', status: 404, reqId: expect.any(String), path: '/api/v1/nothing%0d%0aforged%1b[31m' })
  })
})

describe('answers', () => {
  it('say what browsers may not do with them', async () => {
    const { headers } = await raw('GET', '/api/v1/auth/session')
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'SAMEORIGIN', 'content-security-policy': "default-src 'none';frame-ancestors 'none'", 'cache-control': 'no-store' })
    expect(headers['x-powered-by']).toBeUndefined()
  })
})
