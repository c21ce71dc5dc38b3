import { HostBudget } from '@saddle/transport'
import { beforeAll, describe, expect, test } from 'vitest'
import type { BitbucketSandbox } from '@saddle/sandbox'
import { all, answering, exception, failureOf, rehearsalStage, rehearse } from './support.ts'

let server: BitbucketSandbox
beforeAll(async () => {
  server = await rehearsalStage({ captchaAfter: 3 })
  server.createUser({ name: 'jane', password: 'jane-password' })
  await server.createRepository({ project: 'PROJ', slug: 'tool', name: 'The Tool', seed: { commits: 1 } })
})

describe('credentials', () => {
  test.each([
    ['a wrong token', { token: 'wrong-token-canary' }],
    ['a wrong password', { username: 'jane', password: 'wrong-password-canary' }],
    ['a project token as a password', { username: 'jane', password: 'project' }],
  ])('%s is refused, once, with a text that says what to check', async (_name, auth) => {
    const given = 'password' in auth && auth.password === 'project' ? { ...auth, password: server.createToken({ project: 'PROJ' }) } : auth
    const client = rehearse(server, { auth: given })
    const error = await failureOf(client.whoAmI())
    expect(error).toMatchObject({ code: 'AUTHENTICATION_FAILED', retryable: false, message: expect.stringContaining('Check') })
    expect(JSON.stringify([error, client.events]) + error.stack).not.toContain('canary')
    expect(client.events.request).toHaveLength(1)
    expect(client.events.retry).toEqual([])
  })

  test('after too many failures a CAPTCHA is demanded, and not tried again', async () => {
    server.createUser({ name: 'joe', password: 'joe-password' })
    for (let i = 0; i < 3; i++) await failureOf(rehearse(server, { auth: { username: 'joe', password: 'guess' } }).whoAmI())
    const client = rehearse(server, { auth: { username: 'joe', password: 'joe-password' } })
    expect(await failureOf(client.repository('PROJ', 'tool'))).toMatchObject({ code: 'CAPTCHA_REQUIRED', message: expect.stringContaining('browser') })
    expect(client.events.request).toMatchObject([{ status: 403 }])
  })

  test('tokens of users, projects and repositories are accepted', async () => {
    for (const subject of [{ user: 'jane' }, { project: 'PROJ' }, { project: 'PROJ', repository: 'tool' }]) {
      if ('user' in subject) server.setPermission({ project: 'PROJ', user: 'jane', permission: 'PROJECT_READ' })
      const client = rehearse({ url: server.url, token: server.createToken(subject, 'READ') })
      expect(await client.repository('PROJ', 'tool')).toMatchObject({ slug: 'tool' })
      expect(await client.whoAmI()).toEqual(expect.any(String))
    }
    const asPassword = rehearse(server, { auth: { username: 'jane', password: server.createToken({ user: 'jane' }, 'READ') } })
    expect(await asPassword.repository('PROJ', 'tool')).toMatchObject({ slug: 'tool' })
  })

  test('that may not read are FORBIDDEN, though the server says 401', async () => {
    server.createUser({ name: 'stranger', password: 'stranger-password' })
    const client = rehearse(server, { auth: { username: 'stranger', password: 'stranger-password' } })
    expect(await failureOf(client.repository('PROJ', 'tool'))).toMatchObject({ code: 'FORBIDDEN', context: { status: 401 }, retryable: false })
    expect(await client.whoAmI()).toBe('stranger')
  })

  test.each([
    { token: '' }, { token: 'a b' }, { token: 'a\nb' }, { username: '', password: 'x' }, { username: 'a:b', password: 'x' },
    { username: 'a\0', password: 'x' }, { username: 'jane', password: '' },
  ])('that no server takes are refused at once: %j', (auth) => {
    expect(() => rehearse({ url: 'https://host' }, { auth })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })
})

describe('what is not there', () => {
  test('a repository: the slug is asked for', async () => {
    const error = await failureOf(rehearse(server).repository('PROJ', 'The Tool'))
    expect(error).toMatchObject({ code: 'NOT_FOUND', retryable: false, message: expect.stringContaining('slug') })
  })

  test('a project: the key is asked for', async () => {
    const client = rehearse(server)
    for (const call of [client.project('NOPE'), client.repository('NOPE', 'tool'), all(client.repositories('NOPE')), client.labels('NOPE', 'x')]) {
      expect(await failureOf(call)).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('key') })
    }
  })

  test('branches, tags and commits of a missing repository are missing, not none', async () => {
    const client = rehearse(server)
    const calls = [
      client.branchCount('PROJ', 'nope'), client.tagCount('PROJ', 'nope'), client.lastCommit('PROJ', 'nope'), client.defaultBranch('PROJ', 'nope'),
      client.labels('PROJ', 'nope'), client.pullRequestCount('PROJ', 'nope'),
    ]
    for (const call of calls) expect((await failureOf(call)).code).toBe('NOT_FOUND')
  })
})

describe('names that could be something else in a path', () => {
  test.each(['', ' ', '.', '..', '../../x', 'a/b', 'a\\b', 'a\0', 'a\r\nb', 'x'.repeat(10_000), '\ud800'])('%j is refused before anything is sent', async (name) => {
    const client = rehearse(server)
    const before = server.requests.length
    for (const call of [() => client.repository('PROJ', name), () => client.project(name), () => all(client.branches(name, 'x')), () => client.size('PROJ', name)]) {
      const error = await failureOf((async () => call())())
      expect(error).toMatchObject({ code: 'INVALID_INPUT', context: { option: expect.stringMatching(/^(projectKey|slug)$/) } })
      expect(error.message.length).toBeLessThan(400)
    }
    expect(server.requests).toHaveLength(before)
  })

  test.each(['%2e%2e%2f', '__proto__', '-x', '$(id)', '<script>', '\u202e', '%0d%0a', 'a?b#c', 'CON', '~x'])('%j is only a name that is not there', async (name) => {
    const client = rehearse(server)
    expect((await failureOf(client.repository('PROJ', name))).code).toBe('NOT_FOUND')
    expect(server.requests.at(-1)!.path).toBe(`/rest/api/latest/projects/PROJ/repos/${encodeURIComponent(name)}`)
  })
})

describe('the base URL', () => {
  test.each([
    ['https://host/projects/PROJ', 'https://host.'],
    ['https://host/bitbucket/projects/PROJ/repos/x/browse', 'https://host/bitbucket.'],
    ['https://host/users/jane', 'https://host.'],
    ['https://host/rest/api/1.0', 'https://host.'],
    ['https://host/scm/proj/x.git', 'https://host.'],
    ['host.example.com', 'https://host.example.com'],
    ['localhost:7990', 'https://localhost:7990'],
  ])('%s is answered with what was meant', (baseUrl, meant) => {
    expect(() => rehearse({ url: baseUrl })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(meant) }))
  })

  test.each([['https://host/', 'https://host/'], ['https://host/context//', 'https://host/context'], ['https://host/context', 'https://host/context']])(
    '%s is taken as %s', (baseUrl, expected) => {
      expect(rehearse({ url: baseUrl }).baseUrl.href).toBe(expected)
    },
  )

  test('must be on the operator\'s list when there is one', () => {
    const options = { allowedHosts: ['bitbucket.example.com', 'other.example.com:8443'] }
    expect(rehearse({ url: 'https://bitbucket.example.com' }, options).insecure).toBe(false)
    for (const url of ['https://169.254.169.254', 'https://bitbucket.example.com.evil.com', 'https://other.example.com', 'http://[::ffff:10.0.0.1]']) {
      expect(() => rehearse({ url }, options)).toThrow(expect.objectContaining({ code: 'ADDRESS_NOT_ALLOWED' }))
    }
  })

  test('over plain http to another machine is insecure', () => {
    expect(rehearse({ url: 'http://bitbucket.example.com' }).insecure).toBe(true)
    expect(rehearse({ url: 'http://localhost:7990' }).insecure).toBe(false)
  })

  test('of something else is told apart from a broken Bitbucket', async () => {
    const page = await answering((_, response) => response.setHeader('content-type', 'text/html').end('<html>'))
    expect(await failureOf(rehearse(page).project('X'))).toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('base URL') })
    const json = await answering(() => ({ hello: 'world' }))
    expect(await failureOf(rehearse(json).project('X'))).toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('key') })
  })

  test('that redirects to a login page is not followed', async () => {
    const login = await answering((_, response) => response.writeHead(302, { location: '/login' }).end())
    expect(await failureOf(rehearse(login).project('X'))).toMatchObject({ code: 'REDIRECTED' })
    expect(login.seen).toHaveLength(1)
  })
})

describe('passing failures', () => {
  test.each([
    ['a reset', { reset: true as const }], ['an answer cut short', { resetAfter: 10 }], ['503', { status: 503 }],
  ])('%s is tried again, and reported', async (_name, action) => {
    server.fault({ path: '/repos/tool', times: 2, action })
    const client = rehearse(server)
    expect(await client.repository('PROJ', 'tool')).toMatchObject({ slug: 'tool' })
    expect(client.events.retry).toHaveLength(2)
    expect(client.events.request).toHaveLength(3)
  })

  test.each([true, false])('the rate limit is obeyed (told how long: %s)', async (headers) => {
    const limited = await rehearsalStage({ rateLimit: { capacity: 2, fillRate: 1000, headers } })
    limited.createProject({ key: 'PROJ' })
    let time = 0
    const sleep = async (milliseconds: number) => { time += milliseconds }
    const client = rehearse(limited, { budget: new HostBudget({ clock: { now: () => time, sleep } }) })
    limited.fault({ path: '/projects/PROJ', times: 2, action: { status: 429, body: exception(null), headers: headers ? { 'retry-after': '30' } : {} } })
    await client.project('PROJ')
    expect(client.events.retry.map(({ code }) => code)).toEqual(['RATE_LIMITED', 'RATE_LIMITED'])
    expect(client.events.throttle.map(({ reason }) => reason)).toEqual(headers ? ['told', 'told'] : ['points', 'points'])
    // Without a word from the server: a token a fifth of a second, then half as fast.
    expect(time).toBe(headers ? 60_000 : 200 + 400)
  })

  test('a server that tells nothing is kept to the preset after its first refusal, and to less when that was too much', async () => {
    let time = 0
    const sleep = async (milliseconds: number) => { time += milliseconds }
    const client = rehearse(server, { budget: new HostBudget({ clock: { now: () => time, sleep } }) })
    const refuse = (times: number) => server.fault({ path: '/projects/PROJ', times, action: { status: 429, body: exception(null) } })
    const ask = (count: number) => Promise.all(Array.from({ length: count }, () => client.project('PROJ')))
    await ask(8)
    expect(time).toBe(0)
    // Refusals of what was under way together are one.
    refuse(5)
    await ask(8)
    expect([client.events.retry.length, time]).toEqual([5, 5 * 200])
    await ask(5)
    expect([client.events.retry.length, time]).toEqual([5, 10 * 200])
    refuse(1)
    await ask(1)
    expect([client.events.retry.length, time]).toEqual([6, 11 * 200 + 400])
    // Not below 1.25 a second.
    for (const wait of [400 + 800, 800 + 800]) {
      const before = time
      refuse(1)
      await ask(1)
      expect(time - before).toBe(wait)
    }
  })

  test('a server that tells of its bucket refuses nothing, over REST and git together', async () => {
    const limited = await rehearsalStage({ rateLimit: { capacity: 5, fillRate: 50 } })
    await limited.createRepository({ project: 'PROJ', slug: 'tool' })
    const client = rehearse(limited)
    await client.project('PROJ')
    const { http, url } = client.gitRemote({ projectKey: 'PROJ', slug: 'tool', cloneUrl: undefined })
    const before = limited.requests.length
    await Promise.all(Array.from({ length: 24 }, (_, index) => (index % 2 ? client.project('PROJ') : http.text(`${url}/info/refs?service=git-upload-pack`))))
    expect(limited.requests.slice(before).map(({ status }) => status)).toEqual(Array(24).fill(200))
    expect(client.events.throttle.every(({ reason }) => reason === 'points')).toBe(true)
    expect(client.events.throttle.length).toBeGreaterThan(0)
  })

  test('the server\'s own words are passed on, without our secrets', async () => {
    const failing = await answering((_, response) => {
      response.statusCode = 409
      return exception('some.OddException', 'Busy with token-of-the-test right now')
    })
    const error = await failureOf(rehearse(failing).project('X'))
    expect(error).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('Busy with [redacted] right now') })
  })
})
