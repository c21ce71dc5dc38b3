import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer, Caller } from './caller.ts'
import { setStage, type Stage } from './stage.ts'

/** The contract's table. */
const contract = `
GET /health
GET /health/app
GET /health/ready
GET /api/v1/auth/health
POST /api/v1/auth/bitbucket
GET /api/v1/auth/github/app
POST /api/v1/auth/github/callback
GET /api/v1/auth/session
GET /api/v1/auth/logout
POST /api/v1/auth/logout
GET /api/v1/auth/bitbucket/projects
GET /api/v1/auth/bitbucket/projects/{project_key}/repos
GET /api/v1/auth/bitbucket/projects/{project_key}/repos/{repo_slug}
GET /api/v1/bitbucket/projects
GET /api/v1/bitbucket/projects/{project_key}/repositories
GET /api/v1/bitbucket/projects/{project_key}/repositories/all
GET /api/v1/bitbucket/projects/{project_key}/repositories/{repo_slug}
GET /api/v1/github/user
GET /api/v1/github/organizations
GET /api/v1/github/organizations/{org}/repositories
GET /api/v1/github/repositories/{owner}/{repo}
POST /api/v1/github/repositories
GET /api/v1/github/rate-limit
POST /api/v1/migration/start
GET /api/v1/migration/status/{migration_id}
POST /api/v1/migration/test-github-access
POST /api/v1/migration/{migration_id}/cancel
POST /api/v1/migration/{migration_id}/retry
GET /api/v1/migration/history
GET /api/v1/migration/history/{migration_id}
GET /api/v1/migration/history/{migration_id}/log
POST /api/v1/migration/bulk/start
GET /api/v1/migration/bulk
GET /api/v1/migration/bulk/{bulk_id}/status
GET /api/v1/migration/bulk/{bulk_id}/events
POST /api/v1/migration/bulk/{bulk_id}/cancel
POST /api/v1/migration/bulk/{bulk_id}/retry
GET /api/v1/migration/bulk/{bulk_id}/report
GET /api/v1/teams/organizations/{org}/repositories
GET /api/v1/teams/organizations/{org}/repositories/summary
GET /api/v1/teams/organizations/{org}/repositories/{repo}/teams
PUT /api/v1/teams/organizations/{org}/repositories/{repo}/teams
DELETE /api/v1/teams/organizations/{org}/repositories/{repo}/teams/{team_id}
GET /api/v1/teams/organizations/{org}/teams
PUT /api/v1/teams/organizations/{org}/bulk-permissions`.trim().split('\n')

let stage: Stage
let user: Caller
let document: any
let ajv: Ajv2020
/** What was asked successfully, as in the contract's table. */
const answered = new Set<string>()

beforeAll(async () => {
  stage = await setStage({
    server: ({ github }) => {
      const { clientId, clientSecret } = github.createApp()
      return { github: { oauth: { clientId, clientSecret, redirectUri: 'https://saddle.example/callback' } } }
    },
  })
  user = await stage.user()
  document = (await user.get('/api/v1/openapi.json')).body
  ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'api')
  await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'one' })
  await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'two' })
  await stage.sandbox.github.createRepository({ owner: 'acme', name: 'there' })
})
afterAll(() => stage[Symbol.asyncDispose]())

const pointer = (...parts: string[]) => parts.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')

/** Asks, and holds the answer to the schema that the document has for it. */
async function ask(operation: string, path: string, body?: unknown, headers: Record<string, string> = {}, caller = user): Promise<Answer> {
  const [method = '', route = ''] = operation.split(' ')
  const answer = await caller.send(method, path, body, headers)
  const place = document.paths[route]?.[method.toLowerCase()]?.responses?.[answer.status]
  expect(place, `${operation} answers ${answer.status}, which the document does not know: ${JSON.stringify(answer.body)}`).toBeDefined()
  const type = (answer.headers.get('content-type') ?? '').split(';')[0]!
  if (type) {
    expect(Object.keys(place.content)).toContain(type)
    if (type === 'application/json') {
      const validate = ajv.getSchema(`api#/${pointer('paths', route, method.toLowerCase(), 'responses', String(answer.status), 'content', type, 'schema')}`)!
      expect(validate(answer.body), `${operation}: ${ajv.errorsText(validate.errors)}`).toBe(true)
    }
  }
  if (answer.status < 400) answered.add(operation)
  return answer
}

describe('the OpenAPI document', () => {
  it('has the contract\'s routes and no others', () => {
    const routes = Object.entries<object>(document.paths).flatMap(([path, item]) => Object.keys(item).filter((method) => method !== 'head').map((method) => `${method.toUpperCase()} ${path}`))
    expect(routes.toSorted()).toEqual(contract.toSorted())
  })

  it('has the routes of the guide', async () => {
    const guide = await readFile(new URL('../../../docs/http-api.md', import.meta.url), 'utf8')
    const rows = [...guide.matchAll(/^\| `((?:GET|POST|PUT|DELETE) \/\S*)` \|/gm)].map(([, route]) => route)
    expect(rows.toSorted()).toEqual(contract.toSorted())
  })

  it('describes every operation, and its errors in the one shape', () => {
    for (const [path, item] of Object.entries<any>(document.paths)) {
      for (const [method, operation] of Object.entries<any>(item)) {
        expect(operation.summary, `${method} ${path}`).toBeTruthy()
        expect(operation.tags).toHaveLength(1)
        for (const [status, response] of Object.entries<any>(operation.responses)) {
          if (Number(status) < 400 || (path === '/health/ready' && status === '503')) continue
          expect(response.content['application/json'].schema, `${method} ${path} ${status}`).toEqual({ $ref: '#/components/schemas/Error' })
        }
      }
    }
  })
})

it('what needs a login, and only that, is refused without one', async () => {
  for (const [path, item] of Object.entries<any>(document.paths)) {
    for (const [method, { security, requestBody }] of Object.entries<any>(item)) {
      // A body is looked at first; those routes have their own tests.
      if (requestBody || method === 'head') continue
      const { status } = await stage.caller().send(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, '1'))
      expect(status === 401, `${method} ${path} answers ${status}`).toBe(security.length > 0)
    }
  }
})

describe('every route answers as documented', () => {
  it('health and sessions', async () => {
    for (const path of ['/health', '/health/app', '/health/ready', '/api/v1/auth/health', '/api/v1/auth/session', '/api/v1/auth/github/app']) await ask(`GET ${path}`, path)
    const { adminUsername: username, adminPassword: password } = stage.sandbox.bitbucket
    const other = stage.caller()
    await ask('POST /api/v1/auth/bitbucket', '/api/v1/auth/bitbucket', { username, password }, {}, other)
    await ask('POST /api/v1/auth/bitbucket', '/api/v1/auth/bitbucket', { username, password: 'wrong' }, {}, other)
    await ask('POST /api/v1/auth/bitbucket', '/api/v1/auth/bitbucket', {}, {}, other)
    const { body } = await ask('GET /api/v1/auth/github/app', '/api/v1/auth/github/app', undefined, {}, other)
    const form = new URLSearchParams(new URL(body.authorization_url).searchParams)
    const back = new URL((await fetch(new URL('/login/oauth/authorize', body.authorization_url), { method: 'POST', redirect: 'manual', body: form })).headers.get('location')!)
    const callback = Object.fromEntries(back.searchParams)
    await ask('POST /api/v1/auth/github/callback', '/api/v1/auth/github/callback', callback, {}, other)
    await ask('POST /api/v1/auth/github/callback', '/api/v1/auth/github/callback', callback, {}, other)
    await ask('GET /api/v1/auth/logout', '/api/v1/auth/logout', undefined, {}, other)
    await ask('POST /api/v1/auth/logout', '/api/v1/auth/logout', undefined, {}, other)
  })

  it('the source', async () => {
    const places = [['/api/v1/auth/bitbucket/projects', 'repos'], ['/api/v1/bitbucket/projects', 'repositories']] as const
    for (const [base, list] of places) {
      await ask(`GET ${base}`, base)
      await ask(`GET ${base}/{project_key}/${list}`, `${base}/PRJ/${list}`)
      await ask(`GET ${base}/{project_key}/${list}/{repo_slug}`, `${base}/PRJ/${list}/one`)
      expect((await ask(`GET ${base}/{project_key}/${list}/{repo_slug}`, `${base}/PRJ/${list}/none`)).status).toBe(404)
      expect((await ask(`GET ${base}`, base, undefined, {}, stage.caller())).status).toBe(401)
    }
    await ask('GET /api/v1/bitbucket/projects/{project_key}/repositories/all', '/api/v1/bitbucket/projects/PRJ/repositories/all')
  })

  it('the target and its teams', async () => {
    const team = stage.sandbox.github.createTeam({ org: 'acme', name: 'core' }).id
    const github = '/api/v1/github'
    for (const path of ['user', 'organizations', 'rate-limit']) await ask(`GET ${github}/${path}`, `${github}/${path}`)
    await ask(`GET ${github}/organizations/{org}/repositories`, `${github}/organizations/acme/repositories`)
    await ask(`GET ${github}/repositories/{owner}/{repo}`, `${github}/repositories/acme/there`)
    await ask(`POST ${github}/repositories`, `${github}/repositories`, { owner: 'acme', name: 'new' })
    expect((await ask(`POST ${github}/repositories`, `${github}/repositories`, { owner: 'acme', name: 'new' })).status).toBe(409)
    const [route, base] = ['/api/v1/teams/organizations/{org}', '/api/v1/teams/organizations/acme']
    for (const path of ['repositories', 'repositories/summary', 'teams']) await ask(`GET ${route}/${path}`, `${base}/${path}`)
    await ask(`PUT ${route}/repositories/{repo}/teams`, `${base}/repositories/there/teams`, { teamId: team, permission: 'read' })
    await ask(`GET ${route}/repositories/{repo}/teams`, `${base}/repositories/there/teams`)
    await ask(`DELETE ${route}/repositories/{repo}/teams/{team_id}`, `${base}/repositories/there/teams/${team}`)
    await ask(`PUT ${route}/bulk-permissions`, `${base}/bulk-permissions`, { repositories: ['there', 'gone'], teamIds: [team], permission: 'admin' })
    expect((await ask(`GET ${route}/teams`, `${base}/teams`, undefined, {}, stage.caller())).status).toBe(401)
  })

  it('migrations', async () => {
    const base = '/api/v1/migration'
    await ask(`POST ${base}/test-github-access`, `${base}/test-github-access?owner=acme&repo=there`)
    const held = stage.sandbox.github.fault({ method: 'POST', path: 'one.git/git-receive-pack', action: { stall: true } })
    const { body } = await ask(`POST ${base}/start`, `${base}/start`, { source: { project: 'PRJ', repository: 'one' }, target: { owner: 'acme', name: 'one' }, repository_option: 'new' })
    const id = body.migration_id
    await held.fired
    await ask(`GET ${base}/status/{migration_id}`, `${base}/status/${id}`, undefined, { accept: 'application/json' })
    await ask(`POST ${base}/{migration_id}/cancel`, `${base}/${id}/cancel`)
    await user.finished(id)
    held.remove()
    await ask(`GET ${base}/history/{migration_id}`, `${base}/history/${id}`)
    await ask(`POST ${base}/{migration_id}/retry`, `${base}/${id}/retry`)
    await ask(`GET ${base}/status/{migration_id}`, `${base}/status/${id}`, undefined, { accept: 'text/event-stream' })
    expect((await ask(`GET ${base}/status/{migration_id}`, `${base}/status/${id}`, undefined, { 'last-event-id': '999999' })).status).toBe(204)
    await ask(`GET ${base}/history`, `${base}/history`)
    await ask(`GET ${base}/history/{migration_id}`, `${base}/history/${id}`)
    for (const accept of ['text/plain', 'application/x-ndjson']) await ask(`GET ${base}/history/{migration_id}/log`, `${base}/history/${id}/log`, undefined, { accept })
    expect((await ask(`POST ${base}/{migration_id}/retry`, `${base}/${id}/retry`)).status).toBe(409)
    expect((await ask(`GET ${base}/history/{migration_id}`, `${base}/history/unknown`)).status).toBe(404)
  })

  it('bulk migrations', async () => {
    const [base, route] = ['/api/v1/migration/bulk', '/api/v1/migration/bulk/{bulk_id}']
    const held = stage.sandbox.github.fault({ method: 'POST', path: 'two.git/git-receive-pack', action: { stall: true } })
    const wanted = { bulk_migration_id: 'b1', source_project: 'PRJ', source_repositories: ['two'], target_owner: 'acme' }
    await ask(`POST ${base}/start`, `${base}/start`, wanted)
    expect((await ask(`POST ${base}/start`, `${base}/start`, wanted)).status).toBe(409)
    await held.fired
    await ask(`GET ${route}/status`, `${base}/b1/status`)
    await ask(`POST ${route}/cancel`, `${base}/b1/cancel`)
    await ask(`GET ${route}/events`, `${base}/b1/events`)
    held.remove()
    await ask(`POST ${route}/retry`, `${base}/b1/retry`)
    await ask(`GET ${route}/events`, `${base}/b1/events`)
    await ask(`GET ${base}`, base)
    for (const format of ['json', 'csv', 'html']) await ask(`GET ${route}/report`, `${base}/b1/report?format=${format}`)
  })

  it('and none was left out', () => {
    expect(contract.filter((operation) => !answered.has(operation))).toEqual([])
  })
})
