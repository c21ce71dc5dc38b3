import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from './caller.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
let user: Caller
const base = '/api/v1/teams/organizations/acme'
beforeAll(async () => {
  stage = await setStage()
  user = stage.caller()
  user.headers['authorization'] = `Bearer ${stage.sandbox.github.token}`
  for (const [name, visibility] of [['repo-1', 'private'], ['repo-2', 'internal'], ['repo-3', 'public']] as const) {
    await stage.sandbox.github.createRepository({ owner: 'acme', name, visibility, description: `About ${name}` })
  }
})
afterAll(() => stage[Symbol.asyncDispose]())

describe('teams', () => {
  it('need a GitHub token, in the words of the original', async () => {
    expect(await stage.caller().get(`${base}/teams`)).toMatchObject({
      status: 401, body: { detail: 'Missing GitHub token in session. Please authenticate with GitHub first.' },
    })
  })

  it('lists repositories by visibility with counts', async () => {
    const { body } = await user.get(`${base}/repositories?private=true&internal=true&public=false`)
    expect(body).toMatchObject({ total_count: 2, private_count: 1, internal_count: 1, public_count: 0 })
    expect(body.repositories[0]).toEqual({
      id: expect.any(Number), name: 'repo-1', full_name: 'acme/repo-1', description: 'About repo-1', private: true, visibility: 'private',
      permissions: { admin: true, push: true, pull: true },
    })
    expect((await user.get(`${base}/repositories`)).body.total_count).toBe(3)
    expect((await user.get(`${base}/repositories/summary`)).body).toEqual({
      total_count: 3, archived_count: 0, private_count: 1, internal_count: 1, public_count: 1,
      permissions: { admin: 3, maintain: 0, write: 0, triage: 0, read: 0, none: 0 },
    })
  })

  it('sets, lists and removes a team of a repository', async () => {
    const team = stage.sandbox.github.createTeam({ org: 'acme', name: 'Team Name' })
    expect((await user.get(`${base}/teams`)).body).toMatchObject([{ id: team.id, name: 'Team Name', slug: 'team-name' }])
    expect(await user.put(`${base}/repositories/repo-1/teams`, { teamId: team.id, permission: 'write' })).toMatchObject({ status: 200, body: { success: true } })
    expect((await user.get(`${base}/repositories/repo-1/teams`)).body).toEqual([{ id: team.id, name: 'Team Name', slug: 'team-name', permission: 'write' }])
    for (let time = 0; time < 2; time++) expect(await user.delete(`${base}/repositories/repo-1/teams/${team.id}`)).toMatchObject({ status: 200, body: { success: true } })
    expect((await user.get(`${base}/repositories/repo-1/teams`)).body).toEqual([])
    expect(await user.put(`${base}/repositories/repo-1/teams`, { teamId: team.id, permission: 'owner' })).toMatchObject({ status: 422 })
    expect(await user.put(`${base}/repositories/no-such/teams`, { teamId: team.id, permission: 'read' })).toMatchObject({ status: 404 })
  })

  it('waits as long as GitHub\'s secondary limit asks when it updates many', async () => {
    const { id } = stage.sandbox.github.createTeam({ org: 'acme', name: 'patient' })
    // Longer than other requests are kept waiting.
    stage.sandbox.github.fault({
      method: 'PUT', path: '/repos/acme/repo-1', action: { status: 403, headers: { 'retry-after': '4' }, body: { message: 'You have exceeded a secondary rate limit.' } },
    })
    expect(await user.put(`${base}/bulk-permissions`, { repositories: ['repo-1'], teamIds: [id], permission: 'admin' })).toMatchObject({ status: 200, body: { successful: 1, failed: 0 } })
    expect((await user.get(`${base}/repositories/repo-1/teams`)).body).toMatchObject([{ slug: 'patient', permission: 'admin' }])
    await user.delete(`${base}/repositories/repo-1/teams/${id}`)
  })

  it('updates many, with a result for each pair', async () => {
    const [a, b] = ['a', 'b'].map((name) => stage.sandbox.github.createTeam({ org: 'acme', name }).id)
    const { body } = await user.put(`${base}/bulk-permissions`, { repositories: ['repo-1', 'repo-2'], teamIds: [a, b], permission: 'write' })
    expect(body).toEqual({
      results: ['repo-1', 'repo-2'].map((repository) => ({ repository, teams: [{ teamId: a, success: true }, { teamId: b, success: true }] })),
      total_updates: 4, successful: 4, failed: 0,
    })
    const partly = await user.put(`${base}/bulk-permissions`, { repositories: ['repo-1', 'missing'], teamIds: [a], permission: 'pull' })
    expect(partly).toMatchObject({
      status: 200,
      body: { results: [{ teams: [{ success: true }] }, { repository: 'missing', teams: [{ teamId: a, success: false, error: expect.any(String) }] }], successful: 1, failed: 1 },
    })
  })
})

describe('the target', () => {
  it('shows user, organisations, repositories and what is left of the limit', async () => {
    expect((await user.get('/api/v1/github/user')).body).toMatchObject({ login: 'admin', type: 'User' })
    expect((await user.get('/api/v1/github/organizations')).body.organizations).toMatchObject([{ login: 'acme' }])
    expect((await user.get('/api/v1/github/organizations/acme/repositories')).body).toMatchObject({ total_count: 3 })
    expect((await user.get('/api/v1/github/repositories/acme/repo-1')).body).toMatchObject({ full_name: 'acme/repo-1', archived: false, topics: [] })
    expect(await user.get('/api/v1/github/repositories/acme/none')).toMatchObject({ status: 404 })
    expect((await user.get('/api/v1/github/rate-limit')).body).toMatchObject({ limit: 5000, remaining: expect.any(Number), reset_at: expect.stringMatching(/Z$/) })
  })

  it('takes a new repository once', async () => {
    const made = await user.post('/api/v1/github/repositories', { owner: 'acme', name: 'fresh', description: 'New', visibility: 'private' })
    expect(made).toMatchObject({ status: 201, body: { full_name: 'acme/fresh', description: 'New', private: true } })
    expect(made.headers.get('location')).toBe('/api/v1/github/repositories/acme/fresh')
    expect(await user.post('/api/v1/github/repositories', { owner: 'acme', name: 'fresh' })).toMatchObject({ status: 409, body: { code: 'ALREADY_EXISTS' } })
  })

  it('takes the token from either header, and says that a wrong one is wrong', async () => {
    const other = stage.caller()
    other.headers['x-github-token'] = stage.sandbox.github.token
    expect((await other.get('/api/v1/github/user')).status).toBe(200)
    other.headers['x-github-token'] = 'ghp_0123456789012345678901234567890123456789'
    const answer = await other.get('/api/v1/github/user')
    expect(answer).toMatchObject({ status: 401, body: { code: 'AUTHENTICATION_FAILED' } })
    expect(JSON.stringify(answer.body)).not.toContain('ghp_')
  })
})

describe('the source', () => {
  let source: Caller
  beforeAll(async () => {
    source = stage.caller()
    await source.login(stage.sandbox)
    for (let index = 1; index <= 3; index++) await stage.sandbox.bitbucket.createRepository({ project: `PROJECT${index}`, slug: 'repo1', name: 'Repository One', description: 'Main repository' })
    await stage.sandbox.bitbucket.createRepository({ project: 'PROJECT1', slug: 'old', archived: true })
  })

  it('lists projects and repositories, with a part of the list for the asking', async () => {
    expect((await source.get('/api/v1/bitbucket/projects')).body).toEqual({ projects: ['PROJECT1', 'PROJECT2', 'PROJECT3'] })
    expect((await source.get('/api/v1/bitbucket/projects?start=1&max_projects=1')).body).toEqual({ projects: ['PROJECT2'] })
    expect((await source.get('/api/v1/bitbucket/projects/PROJECT1/repositories')).body.repositories.toSorted()).toEqual(['old', 'repo1'])
    expect((await source.get('/api/v1/bitbucket/projects/PROJECT1/repositories?start=1&max_repos=5')).body.repositories).toHaveLength(1)
    expect((await source.get('/api/v1/bitbucket/projects?start=-1')).status).toBe(422)
    expect(await source.get('/api/v1/bitbucket/projects/NONE/repositories')).toMatchObject({ status: 404 })
  })

  it('shows a repository with what its original answer had, and more', async () => {
    const { body } = await source.get('/api/v1/bitbucket/projects/PROJECT1/repositories/repo1')
    expect(body).toMatchObject({
      slug: 'repo1', name: 'Repository One', description: 'Main repository', archived: false, private: true,
      project: 'PROJECT1', size_bytes: expect.any(Number), default_branch: expect.any(String), fork_of: null,
    })
    expect((await source.get('/api/v1/auth/bitbucket/projects/PROJECT1/repos/repo1')).body).toEqual(body)
  })

  it('lists all of a project, archived ones on demand', async () => {
    const path = '/api/v1/bitbucket/projects/PROJECT1/repositories/all'
    expect((await source.get(path)).body).toMatchObject({ total: 1, repositories: [{ slug: 'repo1', archived: false }] })
    expect((await source.get(`${path}?include_archived=true`)).body.total).toBe(2)
    expect((await source.get('/api/v1/auth/bitbucket/projects/PROJECT1/repos')).body.repositories).toHaveLength(2)
    expect((await source.get('/api/v1/auth/bitbucket/projects')).body.projects).toHaveLength(3)
  })
})
