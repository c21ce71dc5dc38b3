import { createServer, type IncomingMessage } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { AddressInfo } from 'node:net'
import { HostBudget, SaddleError } from '@saddle/transport'
import type { Sandbox } from '@saddle/sandbox'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { GitHubClient } from '../src/index.ts'
import { all, failureOf, rehearsalStage, rehearse, type Rehearsal } from './support.ts'

let github: Sandbox['github']
let stage: Rehearsal
const faults: { remove(): void }[] = []
const fault = (rule: Parameters<typeof github.fault>[0]) => {
  const handle = github.fault(rule)
  faults.push(handle)
  return handle
}
const secondary = { message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.' }

beforeAll(async () => {
  ;({ github } = await rehearsalStage())
  github.createOrganization({ login: 'acme' })
  await github.createRepository({ owner: 'acme', name: 'tool' })
})
beforeEach(() => {
  stage = rehearse({ baseUrl: github.url, auth: { token: github.token } })
  github.clearRequests()
})
afterEach(() => {
  for (const handle of faults.splice(0)) handle.remove()
})

describe('passing failures', () => {
  it.each([
    ['a failing server', { status: 502, body: '<html>Bad gateway</html>' }, 'UPSTREAM_ERROR'],
    ['a reset connection', { reset: true }, 'NETWORK'],
    ['a lost answer', { dropAnswer: true }, 'NETWORK'],
    ['an answer that breaks off', { resetAfter: 20 }, 'NETWORK'],
  ] as const)('%s is tried again with growing, jittered waits', async (_what, action, code) => {
    fault({ path: '/repos/acme/tool', times: 3, action })
    expect(await stage.client.repository('acme', 'tool')).toMatchObject({ name: 'tool' })
    expect(stage.waits).toEqual([250, 500, 1000])
    expect(stage.events.retry.map(({ attempt, code: of, waitMs }) => [attempt, of, waitMs])).toEqual([[1, code, 250], [2, code, 500], [3, code, 1000]])
    expect(stage.events.request.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect(stage.events.request.at(-1)).toMatchObject({ method: 'GET', path: '/api/v3/repos/acme/tool', status: 200 })
  })

  it('fails with the last error when the tries are used up', async () => {
    const handle = fault({ path: '/repos/acme/tool', times: 99, action: { status: 503 } })
    expect(await failureOf(stage.client.repository('acme', 'tool'))).toMatchObject({ code: 'UPSTREAM_ERROR', retryable: true, context: { attempts: 5, status: 503 } })
    expect(handle.hits).toBe(5)
  })

  it('repeats writes that say the same twice, but no POST', async () => {
    fault({ method: 'PATCH', path: '/repos/acme/tool', times: 2, action: { status: 500 } })
    expect(await stage.client.updateRepository('acme', 'tool', { description: 'x' })).toMatchObject({ description: 'x' })
    const handle = fault({ method: 'POST', path: '/orgs/acme/repos', times: 9, action: { status: 500 } })
    expect(await failureOf(stage.client.createRepository({ owner: 'acme', name: 'once', visibility: 'private' }))).toMatchObject({ code: 'UPSTREAM_ERROR' })
    expect(handle.hits).toBe(1)
  })

  it('keeps no write waiting for the one before', async () => {
    const started = performance.now()
    for (let index = 0; index < 8; index++) await stage.client.updateRepository('acme', 'tool', { description: `${index}` })
    expect(performance.now() - started).toBeLessThan(4000)
    expect(stage.waits).toEqual([])
  })
})

describe('lasting failures are tried once', () => {
  it.each([
    [401, { message: 'Bad credentials' }, 'AUTHENTICATION_FAILED'],
    [403, { message: 'Must have admin rights to Repository.' }, 'FORBIDDEN'],
    [422, { message: 'Validation Failed' }, 'INVALID_INPUT'],
    [501, {}, 'UPSTREAM_ERROR'],
  ])('%i', async (status, body, code) => {
    const handle = fault({ path: '/repos/acme/tool', times: 9, action: { status, body } })
    expect(await failureOf(stage.client.repository('acme', 'tool'))).toMatchObject({ code, retryable: false })
    expect(handle.hits).toBe(1)
    expect(stage.events.retry).toEqual([])
  })

  it('a server that refuses connections is tried as often as asked, and named', async () => {
    const { client, events } = rehearse({ baseUrl: await closedPort(), auth: { token: 'ghp_token' }, retry: { attempts: 2 } })
    expect(await failureOf(client.viewer())).toMatchObject({ code: 'NETWORK', context: { attempts: 2 } })
    expect(events.retry).toHaveLength(1)
  })
})

describe('rate limits', () => {
  it('a secondary limit with a time: everybody who shares the budget waits, a POST as well', async () => {
    fault({ method: 'POST', path: '/orgs/acme/repos', action: { status: 403, body: secondary, headers: { 'retry-after': '17' } } })
    expect(await stage.client.createRepository({ owner: 'acme', name: 'limited', visibility: 'private' })).toMatchObject({ name: 'limited' })
    expect(stage.waits).toEqual([17_000])
    expect(stage.events.retry).toEqual([expect.objectContaining({ method: 'POST', about: 'acme/limited', attempt: 1, waitMs: 17_000, code: 'RATE_LIMITED' })])
    expect(stage.events.throttle).toEqual([{ host: new URL(github.url).host, path: expect.stringMatching('/orgs/acme/repos$'), about: 'acme/limited', reason: 'told', waitMs: 17_000 }])
  })

  it('a secondary limit without a time: a minute, then two, then four', async () => {
    fault({ path: '/repos/acme/tool', times: 3, action: { status: 403, body: secondary } })
    expect(await stage.client.repository('acme', 'tool')).toBeDefined()
    expect(stage.waits).toEqual([60_000, 120_000, 240_000])
  })

  it.each([
    ['429 with seconds', { status: 429, headers: { 'retry-after': '3' } }],
    ['403 with seconds and no words', { status: 403, headers: { 'retry-after': '3' } }],
  ])('%s', async (_what, action) => {
    fault({ path: '/repos/acme/tool', times: 2, action })
    expect(await stage.client.repository('acme', 'tool')).toBeDefined()
    expect(stage.waits).toEqual([3000, 3000])
  })

  it('an exhausted primary limit: until its reset', async () => {
    const reset = Math.floor(Date.now() / 1000) + 120
    fault({ path: '/repos/acme/tool', action: { status: 403, body: { message: 'API rate limit exceeded for admin.' }, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) } } })
    expect(await stage.client.repository('acme', 'tool')).toBeDefined()
    expect(stage.waits).toHaveLength(1)
    expect(stage.waits[0]).toBeGreaterThan(115_000)
    expect(stage.waits[0]).toBeLessThanOrEqual(122_000)
  })

  it('a reset that is too far away fails at once, says when, and holds up nobody else', async () => {
    const reset = Math.floor(Date.now() / 1000) + 3000
    const handle = fault({ path: '/repos/acme/tool', action: { status: 403, body: { message: 'API rate limit exceeded for admin.' }, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) } } })
    const error = await failureOf(stage.client.repository('acme', 'tool'))
    expect(error).toMatchObject({ code: 'RATE_LIMITED', retryable: true })
    expect(error.context.retryAfter).toBeGreaterThan(2990)
    expect(await stage.client.repository('acme', 'tool')).toBeDefined()
    expect(handle.hits).toBe(1)
    expect(stage.waits).toEqual([])
  })

  it('a limit that stays is given up after as many tries as anything else', async () => {
    const handle = fault({ method: 'POST', path: '/orgs/acme/repos', times: 99, action: { status: 403, body: secondary, headers: { 'retry-after': '1' } } })
    expect(await failureOf(stage.client.createRepository({ owner: 'acme', name: 'never', visibility: 'private' }))).toMatchObject({ code: 'RATE_LIMITED' })
    expect(handle.hits).toBe(5)
  })

  it('tells what is left, and undefined where there are no limits', async () => {
    expect(await stage.client.rateLimit()).toMatchObject({ limit: 5000, resetAt: expect.stringMatching(/^\d{4}-.*Z$/) as string })
    fault({ path: '/rate_limit', action: { status: 404, body: { message: 'Rate limiting is not enabled.' } } })
    expect(await stage.client.rateLimit()).toBeUndefined()
  })
})

describe('aborting', () => {
  it('ends a request that gets no answer', async () => {
    const abort = new AbortController()
    const { fired } = fault({ path: '/repos/acme/tool', action: { stall: true } })
    const failure = failureOf(stage.client.repository('acme', 'tool', { signal: abort.signal }))
    await fired
    abort.abort()
    expect(await failure).toMatchObject({ code: 'ABORTED' })
  })

  it('ends a wait for a rate limit, which is a real one here', async () => {
    const abort = new AbortController()
    const client = new GitHubClient({ baseUrl: github.url, auth: { token: github.token }, budget: new HostBudget() })
    fault({ path: '/repos/acme/tool', action: { status: 403, body: secondary, headers: { 'retry-after': '600' } } })
    client.on('throttle', () => { abort.abort() })
    expect(await failureOf(client.repository('acme', 'tool', { signal: abort.signal }))).toMatchObject({ code: 'ABORTED' })
    await client.close()
  })

  it('ends requests that are still queued behind others', async () => {
    const abort = new AbortController()
    fault({ path: '/repos/acme/tool', times: 40, action: { stall: true } })
    const failures = Array.from({ length: 40 }, () => failureOf(stage.client.repository('acme', 'tool', { signal: abort.signal })))
    abort.abort(new Error('enough'))
    for (const error of await Promise.all(failures)) expect(error).toMatchObject({ code: 'ABORTED' })
    expect(await failureOf(stage.client.viewer({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORTED' })
  })

  it('ends a list between its pages', async () => {
    const abort = new AbortController()
    fault({ path: '/orgs/acme/repos', action: { status: 200, body: [], headers: { link: `<${github.url}/orgs/acme/repos?page=2>; rel="next"` } } })
    fault({ path: 'page=2', action: { before: () => { abort.abort() } } })
    expect(await failureOf(all(stage.client.organizationRepositories('acme', { signal: abort.signal })))).toMatchObject({ code: 'ABORTED' })
  })
})

describe('answers that cannot be right', () => {
  it.each([
    ['a login page', '<html>Sign in</html>', /unexpected shape/],
    ['another shape', { id: 'x' }, /unexpected shape \(id:/],
    ['cut JSON', '{"id": 1, "na', /unexpected shape/],
    ['nothing', '', /unexpected shape/],
  ])('%s', async (_what, body, message) => {
    fault({ path: '/repos/acme/tool', action: { status: 200, body } })
    const error = await failureOf(stage.client.repository('acme', 'tool'))
    expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' })
    expect(error.message).toMatch(message)
  })

  it('a body without end is not read to its end, packed or not', async () => {
    const huge = Buffer.alloc(40 * 1024 * 1024, ' ')
    for (const [body, headers] of [[huge, {}], [gzipSync(huge), { 'content-encoding': 'gzip' }]] as const) {
      const server = await serve(() => ({ body, headers }))
      const { client } = rehearse({ baseUrl: server.url, auth: { token: 'ghp_token' }, retry: { attempts: 1 } })
      expect(await failureOf(client.viewer())).toMatchObject({ code: 'PROTOCOL_ERROR' })
      await server.close()
    }
  })

  it('a chain of pages that leads in a circle ends', async () => {
    fault({ path: '/orgs/acme/repos', times: 99, action: { status: 200, body: [], headers: { link: `<${github.url}/orgs/acme/repos?page=2>; rel="next"` } } })
    expect(await failureOf(all(stage.client.organizationRepositories('acme')))).toMatchObject({ code: 'PROTOCOL_ERROR' })
  })

  it('names of the prototype in a body change nothing', async () => {
    fault({ path: '/repos/acme/tool', action: { replaceBody: (body) => body.replace('{', '{"__proto__":{"polluted":1},') } })
    const repository = await stage.client.repository('acme', 'tool')
    expect(repository).toMatchObject({ name: 'tool' })
    expect((repository as unknown as { polluted?: number }).polluted).toBeUndefined()
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })
})

describe('other hosts get nothing', () => {
  let requests: IncomingMessage[]
  let evil: Awaited<ReturnType<typeof serve>>
  beforeEach(async () => {
    requests = []
    evil = await serve((request) => {
      requests.push(request)
      return { body: Buffer.from('[]') }
    })
    return () => evil.close()
  })

  it('neither by a redirect nor by a link to the next page', async () => {
    fault({ path: '/repos/acme/tool', action: { status: 301, headers: { location: `${evil.url}/repos/acme/tool` } } })
    expect(await failureOf(stage.client.repository('acme', 'tool'))).toMatchObject({ code: 'REDIRECTED' })
    fault({ path: '/orgs/acme/repos', action: { status: 200, body: [], headers: { link: `<${evil.url}/more>; rel="next"` } } })
    expect(await failureOf(all(stage.client.organizationRepositories('acme')))).toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    expect(requests).toEqual([])
  })

  it('a redirect that never arrives is left', async () => {
    fault({ path: '/api/v3', times: 99, action: { status: 302, headers: { location: `${github.url}/repos/acme/tool` } } })
    expect(await failureOf(stage.client.repository('acme', 'tool'))).toMatchObject({ code: 'REDIRECTED' })
  })

  it('only allowed hosts are spoken to, git addresses included', () => {
    const auth = { token: 'ghp_token' }
    const { host } = new URL(github.url)
    expect(() => new GitHubClient({ baseUrl: github.url, auth, allowedHosts: ['api.github.com'] })).toThrow(expect.objectContaining({ code: 'ADDRESS_NOT_ALLOWED' }))
    expect(() => new GitHubClient({ baseUrl: github.url, gitUrl: evil.url, auth, allowedHosts: [host] })).toThrow(expect.objectContaining({ code: 'ADDRESS_NOT_ALLOWED' }))
    expect(() => new GitHubClient({ baseUrl: 'https://user:pass@api.github.com', auth })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    for (const token of ['', 'a b', 'ghp_x\r\nhost: evil', undefined as unknown as string]) {
      expect(() => new GitHubClient({ auth: { token } })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    }
  })
})

it('shows the token nowhere, however the server echoes it', async () => {
  const token = 'canary&token/with+signs'
  const forms = [token, encodeURIComponent(token), Buffer.from(token).toString('base64'), Buffer.from(`x-access-token:${token}`).toString('base64')]
  const server = await serve(() => ({ status: 403, body: Buffer.from(JSON.stringify({ message: `no: ${forms.join(' ')}`, errors: [{ message: token }] })) }))
  const { client, events } = rehearse({ baseUrl: server.url, auth: { token: ` ${token}\n` }, retry: { attempts: 1 } })
  const errors: unknown[] = [await failureOf(client.viewer()), await failureOf(client.updateRepository('acme', 'tool', { description: 'x' }))]
  errors.push(await failureOf(client.waitUntilReady('acme', 'tool')))
  const { inspect } = await import('node:util')
  const shown = inspect([errors, errors.map((error) => JSON.stringify(error)), events, client], { depth: 9, showHidden: true })
  for (const form of forms) expect(shown).not.toContain(form)
  expect(errors.every((error) => SaddleError.is(error))).toBe(true)
  await server.close()
})

/** A server for single answers. */
async function serve(answer: (request: IncomingMessage) => { status?: number; headers?: Record<string, string>; body: Buffer }) {
  const server = createServer((request, response) => {
    const { status = 200, headers = {}, body } = answer(request)
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((resolve) => {
      server.close(() => { resolve() })
      server.closeAllConnections()
    }),
  }
}

async function closedPort(): Promise<string> {
  const server = await serve(() => ({ body: Buffer.from('') }))
  await server.close()
  return server.url
}
