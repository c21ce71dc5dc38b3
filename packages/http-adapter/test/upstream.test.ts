import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../src/index.ts'
import { Caller } from './caller.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
let user: Caller
const log: string[] = []
/** A server that nobody has any business with, and what it was asked. */
const stranger = createServer((request, response) => {
  asked.push(request.url ?? '')
  response.end('{}')
}).listen(0, '127.0.0.1')
const asked: string[] = []
let elsewhere = ''
beforeAll(async () => {
  if (!stranger.listening) await once(stranger, 'listening')
  elsewhere = `http://localhost:${(stranger.address() as AddressInfo).port}`
  stage = await setStage({ server: { logger: createLogger({ write: (line) => log.push(line) }) } })
  user = await stage.user()
})
beforeEach(() => {
  asked.length = 0
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  stranger.close()
})

async function migrate(slug: string) {
  const { body } = await user.post('/api/v1/migration/start', { source: { project: 'PRJ', repository: slug }, target: { owner: 'acme', name: slug } })
  return body.migration_id ? user.finished(body.migration_id) : body
}

describe('credentials go to no other host', () => {
  it('that the source redirects to, be it REST or git', async () => {
    await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'sent' })
    const action = { status: 302, headers: { location: `${elsewhere}/stolen` } }
    stage.sandbox.bitbucket.fault({ path: '/rest/api/latest/projects', action })
    expect(await user.get('/api/v1/bitbucket/projects')).toMatchObject({ status: 502, body: { code: 'REDIRECTED' } })
    const fault = stage.sandbox.bitbucket.fault({ path: '/sent.git/', times: Infinity, action })
    expect(await migrate('sent')).toMatchObject({ status: 'failed', failure: { code: 'REDIRECTED' } })
    fault.remove()
    expect(asked).toEqual([])
  })

  it('that the target redirects to', async () => {
    stage.sandbox.github.fault({ path: '/user', action: { status: 302, headers: { location: `${elsewhere}/stolen` } } })
    expect(await user.get('/api/v1/github/user')).toMatchObject({ status: 502, body: { code: 'REDIRECTED' } })
    expect(asked).toEqual([])
  })

  it('that a next page is said to be on', async () => {
    stage.sandbox.github.fault({ path: '/user/orgs', action: { status: 200, body: [], headers: { link: `<${elsewhere}/orgs?page=2>; rel="next"` } } })
    const answer = await user.get('/api/v1/github/organizations')
    expect(answer.status).toBe(502)
    expect(answer.body).toEqual({ detail: expect.any(String), code: expect.any(String) })
    expect(asked).toEqual([])
  })

  it('that a clone link leads to', async () => {
    await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'linked' })
    const { host } = new URL(stage.sandbox.bitbucket.url)
    const fault = stage.sandbox.bitbucket.fault({
      path: /\/repos\/linked(\?|$)/, times: Infinity, action: { replaceBody: (body) => body.replaceAll(`${host}/scm`, `${new URL(elsewhere).host}/scm`) },
    })
    const record = await migrate('linked')
    fault.remove()
    expect(record.failure ?? record).toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    expect(asked).toEqual([])
  })
})

describe('a server that does not behave', () => {
  it('is not followed over pages that never end', async () => {
    const page = { size: 1, limit: 1, start: 0, isLastPage: false, nextPageStart: 0, values: [{ key: 'LOOP', id: 1, name: 'Loop', public: false, type: 'NORMAL' }] }
    const fault = stage.sandbox.bitbucket.fault({ path: '/rest/api/latest/projects', times: Infinity, action: { status: 200, body: page } })
    stage.sandbox.bitbucket.clearRequests()
    const answer = await user.get('/api/v1/bitbucket/projects')
    fault.remove()
    expect(answer.status).toBe(502)
    expect(answer.body).toEqual({ detail: expect.any(String), code: expect.any(String) })
    expect(stage.sandbox.bitbucket.requests.length).toBeLessThan(5)
  })

  it('that says nothing is not waited for for ever', async () => {
    const { url } = await stage.another({ bitbucket: { baseUrl: stage.sandbox.bitbucket.url, timeouts: { headers: 200, total: 300 }, retry: { attempts: 1 } } })
    const caller = new Caller(url)
    await caller.login(stage.sandbox)
    const fault = stage.sandbox.bitbucket.fault({ path: '/rest/api/latest/projects', times: Infinity, action: { stall: true } })
    const answer = await caller.get('/api/v1/bitbucket/projects')
    fault.remove()
    expect(answer).toMatchObject({ status: 504, body: { code: 'TIMEOUT', detail: expect.any(String) } })
  })

  it('that repeats a password in its error is quoted without it', async () => {
    const { adminUsername, adminPassword } = stage.sandbox.bitbucket
    const basic = Buffer.from(`${adminUsername}:${adminPassword}`).toString('base64')
    const body = { errors: [{ message: `Cannot serve Basic ${basic} (${adminPassword})` }] }
    const fault = stage.sandbox.bitbucket.fault({ path: '/rest/api/latest/projects', times: Infinity, action: { status: 400, body } })
    const answer = await user.get('/api/v1/bitbucket/projects')
    fault.remove()
    expect(answer.body.detail).toContain('Cannot serve')
    for (const text of [JSON.stringify(answer.body), log.join('')]) for (const secret of [basic, adminPassword]) expect(text).not.toContain(secret)
  })
})

describe('names and texts from elsewhere', () => {
  const escape = '\u001b]8;;http://evil.example\u0007click\u001b]8;;\u0007\u001b[2J'
  const markup = '<img src=x onerror=alert(1)>'
  const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

  it('steer no terminal, forge no line and no event, and are no markup', async () => {
    const { bitbucket, github } = stage.sandbox
    await bitbucket.createRepository({ project: 'PRJ', slug: 'hostile', name: 'x', description: `${escape}\r\n${markup}` })
    const names = ['$(id)', '<script>alert(1)</script>', '\u202egnp.exe', '%0d%0aforged', '=cmd|calc', '__proto__']
    const git = (...argv: string[]) => promisify(execFile)('git', ['-C', bitbucket.repositoryPath('PRJ', 'hostile'), ...argv])
    const { stdout: tip } = await git('rev-parse', 'HEAD')
    for (const name of names) await git('update-ref', `refs/heads/${name}`, tip.trim())
    const remove = github.rejectRefs({ name: 'hostile', ref: /./, reason: `${escape} ${markup} =cmd|calc` })
    log.length = 0
    const { body } = await user.post('/api/v1/migration/bulk/start', { bulk_migration_id: 'hostile', source_project: 'PRJ', source_repositories: ['hostile'], target_owner: 'acme' })
    for await (const _ of user.events(`/api/v1/migration/bulk/${body.bulk_migration_id}/events`));
    remove()
    const { body: state } = await user.get('/api/v1/migration/bulk/hostile/status')
    const id = state.repositories.hostile.migration_id
    expect(state.repositories.hostile).toMatchObject({ status: 'failed', error: expect.stringContaining(markup) })

    const raw = async (path: string, accept: string) => (await user.fetch(path, { headers: { accept } })).text()
    const text = await (await user.fetch(`/api/v1/migration/history/${id}/log`)).text()
    expect(text).toContain('click')
    expect(text).not.toMatch(controls)
    for (const line of text.trim().split('\n')) expect(line).toMatch(/^\S+Z (INFO |WARN |ERROR) /)
    for (const line of log) {
      expect(line).not.toMatch(controls)
      expect(line.indexOf('\n')).toBe(line.length - 1)
    }
    const events = await raw('/api/v1/migration/bulk/hostile/events', 'text/event-stream')
    expect(events).not.toMatch(controls)
    const html = await raw('/api/v1/migration/bulk/hostile/report', 'text/html')
    expect(html).toContain('&#60;img')
    expect(html).not.toMatch(/<img|<script>alert/)
    const csv = await raw('/api/v1/migration/bulk/hostile/report', 'text/csv')
    expect(csv).toContain('click')
    expect(csv.replaceAll('\r\n', '\n')).not.toMatch(controls)
    expect(csv).not.toMatch(/(^|,)"?[=@+]/m)
    // JSON shows them as they are, escaped.
    const json = await raw('/api/v1/bitbucket/projects/PRJ/repositories/hostile', 'application/json')
    expect(json).not.toMatch(controls)
    expect(JSON.parse(json)).toMatchObject({ description: expect.stringContaining(markup) })
  })
})
