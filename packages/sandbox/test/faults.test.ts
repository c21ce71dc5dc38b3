import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startSandbox, type FaultAction, type FaultRule, type Sandbox } from '../src/index.ts'
import { basic, bearer, git, refsOf, rest, temporaryFolder, tryGit } from './support.ts'

let sandbox: Sandbox
let folder: string
let cloneUrl: string
let properties: () => Promise<{ status: number; text: string }>
const path = '/rest/api/latest/application-properties'

beforeAll(async () => {
  sandbox = await startSandbox()
  folder = await temporaryFolder()
  sandbox.github.createOrganization({ login: 'acme' })
  ;({ cloneUrl } = await sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'one', seed: { commits: 10, blobSize: 20_000 } }))
  properties = async () => {
    const response = await fetch(sandbox.bitbucket.url + path)
    return { status: response.status, text: await response.text() }
  }
})
afterAll(() => sandbox.close())
beforeEach(() => sandbox.bitbucket.clearRequests())

const strike = (action: FaultAction, rule: Partial<FaultRule> = {}) => sandbox.bitbucket.fault({ path: 'application-properties', action, ...rule })

describe('faults on REST', () => {
  it('answer with a status, once', async () => {
    const fault = strike({ status: 503, body: { oops: 1 }, headers: { 'retry-after': '7' } })
    const answer = await rest(sandbox.bitbucket.url)('GET', path)
    expect(answer).toMatchObject({ status: 503, body: { oops: 1 } })
    expect(answer.headers.get('retry-after')).toBe('7')
    await fault.fired
    expect((await properties()).status).toBe(200)
    expect(fault).toMatchObject({ hits: 1 })
    expect(sandbox.bitbucket.requests.map(({ status }) => status)).toEqual([503, 200])
  })

  it('let some through, strike some, and end', async () => {
    const fault = strike({ status: 500 }, { skip: 1, times: 2, method: 'get' })
    const statuses: number[] = []
    for (let index = 0; index < 5; index++) statuses.push((await properties()).status)
    expect(statuses).toEqual([200, 500, 500, 200, 200])
    fault.remove()
    const lasting = strike({ status: 500 }, { times: Infinity })
    await properties()
    lasting.remove()
    expect((await properties()).status).toBe(200)
  })

  it('strike by chance the same way for the same seed', async () => {
    const run = async () => {
      const fault = strike({ status: 500 }, { probability: 0.5, seed: 3 })
      const statuses: number[] = []
      for (let index = 0; index < 12; index++) statuses.push((await properties()).status)
      fault.remove()
      return statuses
    }
    const first = await run()
    expect(new Set(first)).toEqual(new Set([200, 500]))
    expect(await run()).toEqual(first)
  })

  it('match the path with its query, by text or expression', async () => {
    const call = rest(sandbox.bitbucket.url, bearer(sandbox.bitbucket.token))
    sandbox.bitbucket.fault({ path: /projects\?.*start=25/, action: { status: 500 } })
    expect((await call('GET', '/rest/api/latest/projects?start=0')).status).toBe(200)
    expect((await call('GET', '/rest/api/latest/projects?limit=25&start=25')).status).toBe(500)
  })

  it('reset, cut, corrupt and change answers', async () => {
    const { text: whole } = await properties()
    strike({ reset: true })
    await expect(properties()).rejects.toThrow()
    strike({ truncateAfter: 10 })
    expect(await properties()).toEqual({ status: 200, text: whole.slice(0, 10) })
    strike({ resetAfter: 10 })
    await expect(properties()).rejects.toThrow()
    strike({ corruptAt: 3 })
    const { text: corrupt } = await properties()
    expect(corrupt).not.toBe(whole)
    strike({ replaceBody: (body) => body.replace('Bitbucket', 'Something longer') })
    expect((await properties()).text).toBe(whole.replace('Bitbucket', 'Something longer'))
    expect((await properties()).text).toBe(whole)
  })

  it('carry the request out and lose the answer', async () => {
    const call = rest(sandbox.github.url, bearer(sandbox.github.token))
    sandbox.github.fault({ method: 'POST', path: '/orgs/acme/repos', action: { dropAnswer: true } })
    await expect(call('POST', '/orgs/acme/repos', { name: 'lost' })).rejects.toThrow()
    expect((await call('GET', '/repos/acme/lost')).status).toBe(200)
  })

  it('never answer, and run functions before', async () => {
    const fault = strike({ stall: true })
    const controller = new AbortController()
    const stalled = fetch(sandbox.bitbucket.url + path, { signal: controller.signal })
    await fault.fired
    controller.abort()
    await expect(stalled).rejects.toThrow()
    const seen: string[] = []
    strike({ before: ({ method, status }) => void seen.push(`${method} ${status}`) })
    expect((await properties()).status).toBe(200)
    expect(seen).toEqual(['GET 0'])
  })

  it('delay every request by the latency asked for', async () => {
    sandbox.delayMs = 40
    const begin = performance.now()
    await properties()
    sandbox.delayMs = 0
    expect(performance.now() - begin).toBeGreaterThanOrEqual(39)
  })
})

describe('faults on git', () => {
  const bitbucket = () => bearer(sandbox.bitbucket.token)
  const github = () => basic('x', sandbox.github.token)
  let number = 0
  const clone = () => tryGit(folder, ['clone', '--mirror', cloneUrl, join(folder, `c${++number}`)], bitbucket())

  it.each<[string, FaultAction]>([
    ['cut short', { truncateAfter: 100_000 }],
    ['reset', { resetAfter: 100_000 }],
    ['corrupt', { corruptAt: 100_000 }],
    ['dropped', { dropAnswer: true }],
  ])('a pack that is %s fails the clone, and the next one works', async (_, action) => {
    // Again and again, as curl repeats by itself what ended without a byte on a connection that was in use before.
    const fault = sandbox.bitbucket.fault({ method: 'POST', path: 'git-upload-pack', skip: 1, times: Infinity, action })
    expect((await clone()).ok).toBe(false)
    expect(fault.hits).toBeGreaterThan(0)
    fault.remove()
    expect((await clone()).ok).toBe(true)
  })

  async function pushInto(name: string): Promise<{ push: () => ReturnType<typeof tryGit>; path: string }> {
    const target = await sandbox.github.createRepository({ owner: 'acme', name })
    const work = join(folder, name)
    await git(folder, ['clone', '--mirror', cloneUrl, work], bitbucket())
    return { push: () => tryGit(work, ['push', target.cloneUrl, 'refs/heads/*:refs/heads/*'], github()), path: target.path }
  }

  it('a push that is reset half-way moves no ref', async () => {
    const { push, path: target } = await pushInto('half')
    const fault = sandbox.github.fault({ method: 'POST', path: 'half.git/git-receive-pack', times: Infinity, action: { resetRequestAfter: 60_000 } })
    expect((await push()).ok).toBe(false)
    fault.remove()
    expect(await refsOf(target)).toBe('')
    expect((await push()).ok).toBe(true)
    await git(target, ['fsck', '--full'])
  })

  it('a push whose answer is lost has arrived', async () => {
    const { push, path: target } = await pushInto('answer')
    sandbox.github.fault({ method: 'POST', path: 'answer.git/git-receive-pack', action: { dropAnswer: true } })
    expect((await push()).ok).toBe(false)
    expect(await refsOf(target)).toContain('refs/heads/main')
  })

  it('a push that is lied about is confirmed and nowhere', async () => {
    const { push, path: target } = await pushInto('lie')
    sandbox.github.fault({ method: 'POST', path: 'lie.git/git-receive-pack', action: { lie: true } })
    expect(await push()).toMatchObject({ ok: true, err: expect.stringContaining('[new branch]') as string })
    expect(await refsOf(target)).toBe('')
  })

  it('sees credentials and counts bytes', async () => {
    await clone()
    const [, fetched] = sandbox.bitbucket.requests.filter(({ method }) => method === 'POST')
    expect(fetched).toMatchObject({ status: 200, headers: { authorization: bitbucket() } })
    expect(fetched!.bytesOut).toBeGreaterThan(200_000)
    expect(fetched!.bytesIn).toBeGreaterThan(50)
  })
})
