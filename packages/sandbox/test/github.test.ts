import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSandbox, type Sandbox } from '../src/index.ts'
import { ApiDescription } from './openapi.ts'
import { basic, bearer, git, rest, temporaryFolder, tryGit, type Answer } from './support.ts'

const description = new ApiDescription()
let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await startSandbox()
  const { github } = sandbox
  github.createUser({ login: 'Ada' })
  github.createUser({ login: 'bob' })
  github.createOrganization({ login: 'Acme', owners: ['Ada'], members: ['bob'] })
  github.createOrganization({ login: 'corp', enterprise: true })
})
afterAll(() => sandbox.close())

/** Calls the API; each answer must be as GitHub describes it. */
function caller(token: string | undefined, on: Sandbox = sandbox) {
  const call = rest(on.github.url, token === undefined ? undefined : bearer(token))
  return async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const answer = await call(method, path, body, { 'user-agent': 'test' })
    expect(description.faultsOf(method, path, answer.status, answer.body)).toEqual([])
    return answer
  }
}
const admin = () => caller(sandbox.github.token)
const tokenOf = (user: string, ...scopes: string[]) => sandbox.github.createToken({ user, scopes })

describe('repositories', () => {
  it('are created, changed, listed and deleted', async () => {
    const call = admin()
    const created = await call('POST', '/orgs/acme/repos', { name: 'My repo!! ✨', visibility: 'private', description: 'D' })
    expect(created).toMatchObject({ status: 201, body: { name: 'My-repo-', full_name: 'Acme/My-repo-', private: true, visibility: 'private', size: 0, default_branch: 'main' } })
    expect(await call('PATCH', '/repos/ACME/my-REPO-', { description: 'E', homepage: 'https://example.invalid', has_wiki: false })).toMatchObject({
      body: { description: 'E', homepage: 'https://example.invalid', has_wiki: false },
    })
    expect((await call('PUT', '/repos/acme/My-repo-/topics', { names: ['a', 'b-2'] })).body).toEqual({ names: ['a', 'b-2'] })
    expect((await call('GET', '/repos/acme/My-repo-/topics')).body).toEqual({ names: ['a', 'b-2'] })
    expect((await call('GET', '/orgs/acme/repos')).body).toMatchObject([{ name: 'My-repo-', topics: ['a', 'b-2'] }])
    expect((await call('DELETE', '/repos/acme/My-repo-')).status).toBe(204)
    expect((await call('GET', '/repos/acme/My-repo-')).status).toBe(404)
    expect((await call('POST', '/user/repos', { name: 'own' })).body).toMatchObject({ visibility: 'public', owner: { login: 'admin' } })
    expect((await call('GET', '/user/repos')).body).toMatchObject([{ name: 'own' }])
  })

  it('refuse what GitHub refuses, with its reasons', async () => {
    const call = admin()
    await call('POST', '/orgs/acme/repos', { name: 'taken' })
    expect(await call('POST', '/orgs/acme/repos', { name: 'TAKEN' })).toMatchObject({
      status: 422,
      body: {
        message: 'Repository creation failed.',
        errors: [{ resource: 'Repository', code: 'custom', field: 'name', message: 'name already exists on this account' }],
      },
    })
    expect(await call('POST', '/orgs/acme/repos', {})).toMatchObject({ status: 422, body: { errors: [{ code: 'missing_field', field: 'name' }] } })
    expect(await call('POST', '/orgs/acme/repos', { name: 'x'.repeat(101) })).toMatchObject({
      status: 422, body: { errors: [{ field: 'name', message: 'name is too long (maximum is 100 characters)' }] },
    })
    expect(await call('POST', '/orgs/acme/repos', { name: '..' })).toMatchObject({ status: 422, body: { errors: [{ field: 'name' }] } })
    expect(await call('POST', '/orgs/acme/repos', { name: 'inner', visibility: 'internal' })).toMatchObject({ status: 422 })
    expect(await call('POST', '/orgs/corp/repos', { name: 'inner', visibility: 'internal' })).toMatchObject({ status: 201, body: { visibility: 'internal', private: true } })
    expect(await call('PATCH', '/repos/acme/taken', { default_branch: 'nowhere' })).toMatchObject({
      status: 422, body: { errors: [{ field: 'default_branch', code: 'invalid' }] },
    })
    expect(await call('PATCH', '/repos/acme/taken', { description: 'two\nlines' })).toMatchObject({
      status: 422, body: { errors: [{ field: 'description', message: 'description control characters are not allowed' }] },
    })
    expect(await call('PATCH', '/repos/acme/taken', { description: 'x'.repeat(351) })).toMatchObject({
      status: 422, body: { errors: [{ field: 'description', message: 'description cannot be more than 350 characters' }] },
    })
    expect((await call('PUT', '/repos/acme/taken/topics', { names: ['Upper'] })).status).toBe(422)
    expect((await call('PUT', '/repos/acme/taken/topics', { names: Array.from({ length: 21 }, (_, at) => `t${at}`) })).status).toBe(422)
    expect((await call('POST', '/orgs/nobody/repos', { name: 'x' })).status).toBe(404)
  })

  it('when archived take no write until they are not', async () => {
    const call = admin()
    await call('POST', '/orgs/acme/repos', { name: 'archive' })
    expect((await call('PATCH', '/repos/acme/archive', { archived: true, description: 'last' })).body).toMatchObject({ archived: true, description: 'last' })
    expect(await call('PATCH', '/repos/acme/archive', { description: 'x' })).toMatchObject({ status: 403, body: { message: 'Repository was archived so is read-only.' } })
    expect((await call('PUT', '/repos/acme/archive/topics', { names: [] })).status).toBe(403)
    expect((await call('PATCH', '/repos/acme/archive', { archived: false, description: 'x' })).body).toMatchObject({ archived: false, description: 'x' })
  })

  it('are found under their old name after a rename, in REST and git', async () => {
    const call = admin()
    const { cloneUrl } = await sandbox.github.createRepository({ owner: 'Acme', name: 'before', seed: { commits: 1 } })
    expect((await call('PATCH', '/repos/acme/before', { name: 'after' })).body).toMatchObject({ name: 'after' })
    const moved = await call('GET', '/repos/acme/before')
    expect(moved).toMatchObject({ status: 301, body: { message: 'Moved Permanently' } })
    const { pathname } = new URL(moved.headers.get('location')!)
    expect((await call('GET', pathname.replace('/api/v3', ''))).body).toMatchObject({ full_name: 'Acme/after' })
    const write = await rest(sandbox.github.url, bearer(sandbox.github.token))('PATCH', '/repos/acme/before', { description: 'x' }, { 'user-agent': 'test' })
    expect(write.status).toBe(307)
    expect((await tryGit(await temporaryFolder(), ['ls-remote', cloneUrl], basic('x', sandbox.github.token))).out).toContain('refs/heads/main')
  })

  it('tell what git holds', async () => {
    const call = admin()
    await sandbox.github.createRepository({ owner: 'Acme', name: 'held', seed: { commits: 3, branches: 3, tags: 1 } })
    const { body } = await call('GET', '/repos/acme/held')
    expect(body.size).toBeGreaterThan(0)
    expect((await call('GET', '/repos/acme/held/branches')).body.map(({ name }: { name: string }) => name)).toEqual(['branch-1', 'branch-2', 'main'])
    const ref = await call('GET', '/repos/acme/held/git/ref/heads/main')
    expect(ref.body).toMatchObject({ ref: 'refs/heads/main', object: { type: 'commit' } })
    expect((await call('GET', '/repos/acme/held/git/ref/tags/v1')).body).toMatchObject({ object: { type: 'tag' } })
    expect((await call('GET', '/repos/acme/held/git/matching-refs/heads/branch')).body).toHaveLength(2)
    expect((await call('GET', '/repos/acme/held/git/ref/heads/none')).status).toBe(404)
    await call('POST', '/orgs/acme/repos', { name: 'void' })
    expect((await call('GET', '/repos/acme/void/branches')).body).toEqual([])
    expect(await call('GET', '/repos/acme/void/git/ref/heads/main')).toMatchObject({ status: 409, body: { message: 'Git Repository is empty.' } })
  })

  it('may be invisible to git for a moment after their creation', async () => {
    await using slow = await startSandbox({ github: { visibleAfterMs: 60_000 } })
    slow.github.createOrganization({ login: 'acme' })
    const { body } = await caller(slow.github.token, slow)('POST', '/orgs/acme/repos', { name: 'new' })
    const refs = await fetch(`${body.clone_url}/info/refs?service=git-receive-pack`, { headers: { authorization: basic('x', slow.github.token) } })
    expect(refs.status).toBe(404)
  })
})

describe('lists', () => {
  it('are pages with links to the others', async () => {
    await using many = await startSandbox()
    many.github.createOrganization({ login: 'many' })
    for (let index = 0; index < 5; index++) await many.github.createRepository({ owner: 'many', name: `r${index}` })
    const call = caller(many.github.token, many)
    const second = await call('GET', '/orgs/many/repos?per_page=2&page=2')
    expect(second.body).toHaveLength(2)
    const links = second.headers.get('link')!
    for (const rel of ['prev', 'next', 'first', 'last']) expect(links).toContain(`rel="${rel}"`)
    expect(links).toContain('page=3')
    expect((await call('GET', '/orgs/many/repos')).headers.get('link')).toBeNull()
  })
})

describe('who may what', () => {
  it('needs credentials and a user agent', async () => {
    expect((await caller(undefined)('GET', '/user')).status).toBe(401)
    expect(await caller('ghp_wrong')('GET', '/user')).toMatchObject({ status: 401, body: { message: 'Bad credentials' } })
    const unnamed = await rest(sandbox.github.url, bearer(sandbox.github.token))('GET', '/user', undefined, { 'user-agent': '' })
    expect(unnamed.status).toBe(403)
  })

  it('tells scopes and who is asking', async () => {
    const { headers, body } = await caller(tokenOf('Ada', 'repo', 'read:org'))('GET', '/user')
    expect(headers.get('x-oauth-scopes')).toBe('repo, read:org')
    expect(headers.get('x-github-request-id')).toMatch(/./)
    expect(body).toMatchObject({ login: 'Ada', type: 'User' })
    const fine = await caller(sandbox.github.createToken({ user: 'Ada', fineGrained: true }))('GET', '/user')
    expect(fine.headers.get('x-oauth-scopes')).toBeNull()
    expect((await caller(tokenOf('Ada'))('GET', '/users/acme')).body).toMatchObject({ type: 'Organization' })
  })

  it('hides what a token does not see behind 404', async () => {
    await sandbox.github.createRepository({ owner: 'Acme', name: 'secret' })
    expect((await caller(tokenOf('Ada', 'repo'))('GET', '/repos/acme/secret')).status).toBe(200)
    expect((await caller(tokenOf('Ada', 'public_repo'))('GET', '/repos/acme/secret')).status).toBe(404)
    sandbox.github.createUser({ login: 'eve' })
    expect((await caller(tokenOf('eve', 'repo'))('GET', '/repos/acme/secret')).status).toBe(404)
    expect((await caller(tokenOf('eve', 'repo'))('PATCH', '/repos/acme/secret', { description: 'x' })).status).toBe(404)
    sandbox.github.setCollaborator('acme', 'secret', 'eve', 'push')
    expect((await caller(tokenOf('eve', 'repo'))('GET', '/repos/acme/secret')).body.permissions).toEqual({ pull: true, triage: true, push: true, maintain: false, admin: false })
    expect((await caller(tokenOf('eve', 'repo'))('PATCH', '/repos/acme/secret', { description: 'x' })).status).toBe(403)
    expect((await caller(tokenOf('Ada', 'repo'))('DELETE', '/repos/acme/secret')).status).toBe(403)
  })

  it('lets members of an organisation read, and create where it allows that', async () => {
    await sandbox.github.createRepository({ owner: 'Acme', name: 'shared' })
    const bob = caller(tokenOf('bob', 'repo', 'read:org'))
    expect((await bob('GET', '/repos/acme/shared')).body.permissions).toMatchObject({ pull: true, push: false })
    expect((await bob('GET', '/user/memberships/orgs/acme')).body).toMatchObject({ role: 'member', state: 'active' })
    expect((await bob('POST', '/orgs/acme/repos', { name: 'by-bob' })).status).toBe(201)
    expect((await bob('GET', '/repos/acme/by-bob')).body.permissions).toMatchObject({ admin: true })
    sandbox.github.createOrganization({ login: 'strict', members: ['bob'], basePermission: 'none', membersCanCreateRepositories: false })
    await sandbox.github.createRepository({ owner: 'strict', name: 'inner' })
    expect((await bob('GET', '/repos/strict/inner')).status).toBe(404)
    expect(await bob('POST', '/orgs/strict/repos', { name: 'x' })).toMatchObject({ status: 403 })
    expect((await bob('GET', '/orgs/strict')).body).toMatchObject({ members_can_create_repositories: false })
    expect((await caller(tokenOf('bob', 'repo'))('GET', '/user/orgs')).status).toBe(403)
    expect((await caller(tokenOf('bob', 'repo'))('GET', '/user/memberships/orgs/acme')).status).toBe(403)
    expect((await bob('GET', '/user/orgs')).body.map(({ login }: { login: string }) => login)).toEqual(['Acme', 'strict'])
  })

  it('cuts fine-grained tokens to their permissions', async () => {
    const { cloneUrl } = await sandbox.github.createRepository({ owner: 'Acme', name: 'fine', seed: { commits: 1 } })
    const token = sandbox.github.createToken({ user: 'Ada', fineGrained: true, permissions: { contents: 'read', metadata: 'read' } })
    const call = caller(token)
    expect((await call('GET', '/repos/acme/fine')).status).toBe(200)
    expect(await call('PATCH', '/repos/acme/fine', { description: 'x' })).toMatchObject({ status: 403, body: { message: 'Resource not accessible by personal access token' } })
    const push = await tryGit(sandbox.github.repositoryPath('acme', 'fine'), ['push', cloneUrl, 'main:refs/heads/b'], basic('x', token))
    expect(push.err).toContain('Write access to repository not granted.')
  })

  it('knows tokens in git as the password of Basic, and no other way', async () => {
    const { cloneUrl } = await sandbox.github.createRepository({ owner: 'Acme', name: 'scheme' })
    const { token } = sandbox.github
    const refs = (authorization: string) => fetch(`${cloneUrl}/info/refs?service=git-upload-pack`, { headers: { authorization } })
    expect((await refs(basic('x-access-token', token))).status).toBe(200)
    expect((await refs(basic(token, 'x-oauth-basic'))).status).toBe(200)
    expect((await refs(bearer(token))).status).toBe(401)
  })
})

describe('teams', () => {
  it('are listed, made, and given repositories', async () => {
    const call = caller(tokenOf('Ada', 'repo', 'admin:org'))
    const { id, slug } = sandbox.github.createTeam({ org: 'acme', name: 'The Team', members: ['bob'] })
    await sandbox.github.createRepository({ owner: 'Acme', name: 'teamwork' })
    expect((await call('GET', '/orgs/acme/teams')).body).toMatchObject([{ id, slug: 'the-team', privacy: 'closed' }])
    expect((await call('GET', `/orgs/acme/teams/${slug}`)).body).toMatchObject({ id, members_count: 1, repos_count: 0 })
    expect((await call('PUT', `/orgs/acme/teams/${slug}/repos/acme/teamwork`, { permission: 'maintain' })).status).toBe(204)
    expect((await call('GET', '/repos/acme/teamwork/teams')).body).toMatchObject([{ slug, permission: 'maintain' }])
    expect((await call('GET', `/orgs/acme/teams/${slug}/repos`)).body).toMatchObject([{ name: 'teamwork', permissions: { maintain: true, admin: false } }])
    expect((await call('GET', `/orgs/acme/teams/${slug}/repos/acme/teamwork`)).status).toBe(204)
    const bob = caller(tokenOf('bob', 'repo', 'read:org'))
    expect((await bob('GET', '/repos/acme/teamwork')).body.permissions).toMatchObject({ maintain: true, admin: false })
    expect((await bob('PUT', `/orgs/acme/teams/${slug}/repos/acme/teamwork`, { permission: 'admin' })).status).toBe(403)
    expect((await call('PUT', `/orgs/acme/teams/${slug}/repos/acme/teamwork`, { permission: 'emperor' })).status).toBe(422)
    expect((await call('DELETE', `/orgs/acme/teams/${slug}/repos/acme/teamwork`)).status).toBe(204)
    expect((await call('GET', `/orgs/acme/teams/${slug}/repos/acme/teamwork`)).status).toBe(404)
    expect((await call('POST', '/orgs/acme/teams', { name: 'Second', privacy: 'secret' })).body).toMatchObject({ slug: 'second', privacy: 'secret' })
    expect((await call('POST', '/orgs/acme/teams', { name: 'second' })).status).toBe(422)
    expect((await call('GET', '/orgs/acme/teams/none')).status).toBe(404)
    expect((await caller(tokenOf('eve', 'repo', 'read:org'))('GET', '/orgs/acme/teams')).status).toBe(404)
  })

  it('are known by number too', async () => {
    const call = rest(sandbox.github.url, bearer(sandbox.github.token))
    const { id } = sandbox.github.createTeam({ org: 'corp', name: 'numbers' })
    await sandbox.github.createRepository({ owner: 'corp', name: 'n' })
    const agent = { 'user-agent': 'test' }
    expect((await call('PUT', `/teams/${id}/repos/corp/n`, { permission: 'push' }, agent)).status).toBe(204)
    expect((await call('GET', `/teams/${id}`, undefined, agent)).body).toMatchObject({ slug: 'numbers', repos_count: 1 })
  })
})

describe('limits', () => {
  it('of the hour: headers, then 403 with nothing remaining', async () => {
    await using tight = await startSandbox({ github: { primaryLimit: 2 } })
    const call = caller(tight.github.token, tight)
    expect((await call('GET', '/user')).headers.get('x-ratelimit-remaining')).toBe('1')
    expect((await call('GET', '/rate_limit')).body.rate).toMatchObject({ limit: 2, remaining: 1, used: 1 })
    await call('GET', '/user')
    const over = await call('GET', '/user')
    expect(over).toMatchObject({ status: 403, body: { message: expect.stringMatching(/^API rate limit exceeded for /) as string } })
    expect(over.headers.get('x-ratelimit-remaining')).toBe('0')
    expect(Number(over.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000)
  })

  it('of the minute: 403 with the seconds to wait', async () => {
    await using tight = await startSandbox({ github: { secondaryLimits: { contentPerMinute: 1, pointsPerMinute: 100, retryAfterSeconds: 3 } } })
    const call = caller(tight.github.token, tight)
    expect((await call('POST', '/user/repos', { name: 'a' })).status).toBe(201)
    const over = await call('POST', '/user/repos', { name: 'b' })
    expect(over).toMatchObject({ status: 403, body: { message: expect.stringContaining('secondary rate limit') as string } })
    expect(over.headers.get('retry-after')).toBe('3')
    expect((await call('GET', '/user')).status).toBe(403)
  })
})

describe('places', () => {
  it('may be those of api.github.com', async () => {
    await using dotcom = await startSandbox({ github: { apiPath: '' } })
    expect(dotcom.github.url).toBe(dotcom.github.webUrl)
    expect((await caller(dotcom.github.token, dotcom)('GET', '/user')).body).toMatchObject({ login: 'admin' })
    expect((await caller(dotcom.github.token, dotcom)('GET', '/meta')).body).not.toHaveProperty('installed_version')
    expect((await caller(sandbox.github.token)('GET', '/meta')).body).toHaveProperty('installed_version')
    const { cloneUrl } = await dotcom.github.createRepository({ owner: 'admin', name: 'r', seed: { commits: 1 } })
    expect(await git(await temporaryFolder(), ['ls-remote', cloneUrl], basic('x', dotcom.github.token))).toContain('refs/heads/main')
  })
})
