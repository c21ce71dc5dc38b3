import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSandbox, type Sandbox } from '../src/index.ts'
import { basic, bearer, git, rest } from './support.ts'

let sandbox: Sandbox
const api = '/rest/api/latest'

beforeAll(async () => {
  sandbox = await startSandbox({ bitbucket: { contextPath: '/bitbucket', pageCap: 50 } })
  const { bitbucket } = sandbox
  bitbucket.createUser({ name: 'Ada.L', password: 'secret', displayName: 'Ada' })
  bitbucket.createProject({ key: 'prj', name: 'Project', description: 'About' })
  bitbucket.createProject({ key: '~Ada.L' })
  await bitbucket.createRepository({
    project: 'PRJ', slug: 'has_weird🌭characters0', name: 'has%weird🌭characters', description: 'odd', labels: ['one', 'two'], seed: { commits: 30, branches: 30, tags: 2 },
  })
  await bitbucket.createRepository({ project: 'PRJ', slug: 'empty', seed: { empty: true } })
  await bitbucket.createRepository({ project: 'PRJ', slug: 'old', archived: true })
  await bitbucket.createRepository({ project: 'PRJ', slug: 'open', public: true })
  await bitbucket.createRepository({ project: '~Ada.L', slug: 'mine', forkOf: { project: 'PRJ', slug: 'open' } })
})
afterAll(() => sandbox.close())

const asAdmin = () => rest(sandbox.bitbucket.url, bearer(sandbox.bitbucket.token))
const byPassword = () => rest(sandbox.bitbucket.url, basic('admin', sandbox.bitbucket.adminPassword))
const asAda = () => rest(sandbox.bitbucket.url, basic('ada.l', 'secret'))
const weird = `${api}/projects/PRJ/repos/${encodeURIComponent('has_weird🌭characters0')}`

describe('who asks', () => {
  it('is named in X-AUSERNAME, and nobody is not', async () => {
    expect((await asAda()('GET', `${api}/application-properties`)).headers.get('x-ausername')).toBe('Ada.L')
    const anonymous = await rest(sandbox.bitbucket.url)('GET', `${api}/application-properties`)
    expect(anonymous.headers.get('x-ausername')).toBeNull()
    expect(anonymous.body).toMatchObject({ version: '9.4.0', displayName: 'Bitbucket' })
  })

  it('is refused by exception, always with 401', async () => {
    const wrong = await rest(sandbox.bitbucket.url, basic('admin', 'no'))('GET', `${api}/projects`)
    expect(wrong).toMatchObject({ status: 401, body: { errors: [{ exceptionName: 'com.atlassian.bitbucket.auth.IncorrectPasswordAuthenticationException' }] } })
    const forbidden = await asAda()('GET', `${api}/projects/PRJ/repos/old`)
    expect(forbidden).toMatchObject({ status: 401, body: { errors: [{ exceptionName: 'com.atlassian.bitbucket.AuthorisationException' }] } })
    const missing = await asAdmin()('GET', `${api}/projects/NOPE`)
    expect(missing).toMatchObject({ status: 404, body: { errors: [{ exceptionName: 'com.atlassian.bitbucket.project.NoSuchProjectException' }] } })
  })

  it('may administer by password only', async () => {
    const path = `${api}/admin/groups/more-members?context=staff`
    sandbox.bitbucket.createGroup({ name: 'staff', members: ['Ada.L'] })
    expect((await asAdmin()('GET', path)).status).toBe(401)
    expect((await asAda()('GET', path)).status).toBe(401)
    expect(await byPassword()('GET', path)).toMatchObject({ status: 200, body: { values: [{ name: 'Ada.L' }] } })
  })

  it('with a token knows nothing outside of /rest and /scm', async () => {
    const path = '/projects/PRJ/repos/open/sizes'
    const redirected = await asAdmin()('GET', path)
    expect(redirected.status).toBe(302)
    expect(redirected.headers.get('location')).toMatch(/\/bitbucket\/login\?/)
    expect(await (await fetch(redirected.headers.get('location')!)).text()).toContain('Log in')
    expect((await rest(sandbox.bitbucket.url, basic('admin', sandbox.bitbucket.token))('GET', path)).status).toBe(401)
    const { body, status } = await byPassword()('GET', path)
    expect(status).toBe(200)
    expect(body.repository).toBeGreaterThan(100)
  })

  it('meets a captcha after failed logins, whatever the password then is', async () => {
    await using careful = await startSandbox({ bitbucket: { captchaAfter: 2 } })
    const call = (password: string) => rest(careful.bitbucket.url, basic('admin', password))('GET', `${api}/projects`)
    expect((await call('1')).status).toBe(401)
    expect((await call('2')).status).toBe(401)
    expect(await call(careful.bitbucket.adminPassword)).toMatchObject({
      status: 403, body: { errors: [{ exceptionName: 'com.atlassian.bitbucket.auth.CaptchaRequiredAuthenticationException' }] },
    })
  })

  it('sees what was granted, through groups and projects too', async () => {
    const { bitbucket } = sandbox
    bitbucket.createUser({ name: 'bob', password: 'b' })
    bitbucket.createGroup({ name: 'readers', members: ['bob'] })
    await bitbucket.createRepository({ project: 'GRANT', slug: 'r', seed: { empty: true } })
    const see = async () => (await rest(bitbucket.url, basic('bob', 'b'))('GET', `${api}/projects/GRANT/repos/r`)).status
    expect(await see()).toBe(401)
    bitbucket.setPermission({ project: 'GRANT', repository: 'r', group: 'readers', permission: 'REPO_READ' })
    expect(await see()).toBe(200)
    bitbucket.setPermission({ project: 'GRANT', repository: 'r', group: 'readers', permission: undefined })
    expect(await see()).toBe(401)
    bitbucket.setPermission({ project: 'GRANT', permission: 'PROJECT_READ' })
    expect(await see()).toBe(200)
    bitbucket.setPermission({ project: 'GRANT', user: 'bob', permission: 'PROJECT_ADMIN' })
    const admins = await rest(bitbucket.url, basic('bob', 'b'))('GET', `${api}/projects/GRANT/permissions/users`)
    expect(admins.body.values).toMatchObject([{ user: { name: 'bob' }, permission: 'PROJECT_ADMIN' }])
    const token = bitbucket.createToken({ project: 'GRANT', repository: 'r' }, 'READ')
    expect((await rest(bitbucket.url, bearer(token))('GET', `${api}/projects/GRANT/repos/r`)).status).toBe(200)
    expect((await rest(bitbucket.url, bearer(token))('GET', `${api}/projects/PRJ/repos/old`)).status).toBe(401)
  })
})

describe('lists', () => {
  it('are pages that the server may make smaller than asked', async () => {
    const { body } = await asAdmin()('GET', `${weird}/branches?limit=500`)
    expect(body).toMatchObject({ limit: 50, size: 30, isLastPage: true, nextPageStart: null })
    const first = await asAdmin()('GET', `${weird}/branches`)
    expect(first.body).toMatchObject({ limit: 25, size: 25, isLastPage: false, nextPageStart: 25 })
    expect((await asAdmin()('GET', `${weird}/branches?start=x`)).status).toBe(400)
  })

  it('have starts that count what the caller does not see', async () => {
    await using hidden = await startSandbox()
    for (let index = 0; index < 6; index++) {
      await hidden.bitbucket.createRepository({ project: 'P', slug: `r${index}`, archived: index % 3 !== 0, seed: { empty: true } })
    }
    const call = rest(hidden.bitbucket.url, bearer(hidden.bitbucket.token))
    expect((await call('GET', `${api}/repos?limit=1`)).body).toMatchObject({ size: 1, start: 0, nextPageStart: 3, isLastPage: false })
    expect((await call('GET', `${api}/repos?limit=1&start=3`)).body).toMatchObject({ values: [{ slug: 'r3' }], nextPageStart: null, isLastPage: true })
  })

  it('of projects leave personal ones out; of repositories do not', async () => {
    const projects = await asAdmin()('GET', `${api}/projects`)
    expect(projects.body.values.map(({ key }: { key: string }) => key)).not.toContain('~ADA.L')
    expect((await asAdmin()('GET', `${api}/projects/~ada.l`)).body).toMatchObject({ key: '~ADA.L', type: 'PERSONAL', owner: { name: 'Ada.L' } })
    const all = await asAdmin()('GET', `${api}/repos?archived=ALL&limit=100`)
    expect(all.body.values.map(({ slug }: { slug: string }) => slug)).toEqual(expect.arrayContaining(['mine', 'old', 'open', 'empty']))
    const archived = await asAdmin()('GET', `${api}/repos?archived=ARCHIVED`)
    expect(archived.body.values).toMatchObject([{ slug: 'old', archived: true }])
    const open = await rest(sandbox.bitbucket.url)('GET', `${api}/repos`)
    expect(open.body.values).toMatchObject([{ slug: 'open' }])
  })
})

describe('a repository', () => {
  it('has a slug of its own, a project in any case, and clone links in any order', async () => {
    const { body } = await asAda()('GET', `${api}/projects/prj/repos/open`)
    const http = body.links.clone.find(({ name }: { name: string }) => name === 'http')
    expect(new URL(http.href)).toMatchObject({ username: 'Ada.L', pathname: '/bitbucket/scm/prj/open.git' })
    expect((await asAdmin()('GET', weird)).body).toMatchObject({ name: 'has%weird🌭characters', project: { key: 'PRJ' }, archived: false, state: 'AVAILABLE' })
    const firsts = await asAdmin()('GET', `${api}/projects/PRJ/repos`)
    const orders = firsts.body.values.map(({ links }: { links: { clone: { name: string }[] } }) => links.clone[0]!.name)
    expect(new Set(orders)).toEqual(new Set(['ssh', 'http']))
  })

  it('tells of branches, tags, commits and labels', async () => {
    expect((await asAdmin()('GET', `${weird}/default-branch`)).body).toEqual({ id: 'refs/heads/main', displayId: 'main', type: 'BRANCH' })
    const branches = await asAdmin()('GET', `${weird}/branches?filterText=main`)
    expect(branches.body.values).toMatchObject([{ id: 'refs/heads/main', isDefault: true, type: 'BRANCH' }])
    const tags = await asAdmin()('GET', `${weird}/tags`)
    const path = sandbox.bitbucket.repositoryPath('PRJ', 'has_weird🌭characters0')
    const tagObject = (await git(path, ['rev-parse', 'v1'])).trim()
    expect(tags.body.values).toMatchObject([{ displayId: 'v1', hash: tagObject }, { displayId: 'v2', hash: null }])
    expect(tags.body.values[0].latestCommit).toBe((await git(path, ['rev-parse', 'v1^{commit}'])).trim())
    const commits = await asAdmin()('GET', `${weird}/commits?limit=29`)
    expect(commits.body).toMatchObject({ size: 29, isLastPage: false, nextPageStart: 29 })
    expect(commits.body.values[0]).toMatchObject({ message: 'Change 30', authorTimestamp: (1_577_836_800 + 29 * 60) * 1000 })
    expect((await asAdmin()('GET', `${weird}/commits?until=nowhere`)).status).toBe(404)
    expect((await asAdmin()('GET', `${weird}/labels`)).body.values).toEqual([{ name: 'one' }, { name: 'two' }])
  })

  it('may be empty', async () => {
    const empty = `${api}/projects/PRJ/repos/empty`
    expect(await asAdmin()('GET', `${empty}/commits`)).toMatchObject({
      status: 404, body: { errors: [{ exceptionName: 'com.atlassian.bitbucket.repository.NoDefaultBranchException' }] },
    })
    expect((await asAdmin()('GET', `${empty}/default-branch`)).body).toMatchObject({ displayId: 'main' })
    expect((await asAdmin()('GET', `${empty}/branches/default`)).status).toBe(204)
    expect((await asAdmin()('GET', `${empty}/branches`)).body.values).toEqual([])
    expect(await asAdmin()('GET', '/rest/branch-utils/latest/projects/PRJ/repos/empty/branchmodel')).toMatchObject({
      status: 409, body: { errors: [{ exceptionName: 'com.atlassian.bitbucket.repository.EmptyRepositoryException' }] },
    })
  })

  it('knows its forks and what it is a fork of', async () => {
    const forks = await asAda()('GET', `${api}/projects/PRJ/repos/open/forks`)
    expect(forks.body.values).toMatchObject([{ slug: 'mine', project: { key: '~ADA.L' }, origin: { slug: 'open' } }])
  })

  it('lists its open pull requests unless all are asked for', async () => {
    const { bitbucket } = sandbox
    await bitbucket.createRepository({ project: 'PRJ', slug: 'pulls', seed: { commits: 4, branches: 4 } })
    const at = { project: 'PRJ', slug: 'pulls', to: 'main' }
    const activities = [{ id: 2, action: 'COMMENTED', comment: { id: 7, severity: 'BLOCKER' } }, { id: 1, action: 'OPENED' }]
    await bitbucket.createPullRequest({ ...at, title: 'A', from: 'branch-1', activities })
    await bitbucket.createPullRequest({ ...at, title: 'B', from: 'branch-3', state: 'MERGED' })
    const base = `${api}/projects/PRJ/repos/pulls/pull-requests`
    expect((await asAdmin()('GET', base)).body.values).toMatchObject([{ id: 1, title: 'A', state: 'OPEN' }])
    expect((await asAdmin()('GET', `${base}?state=ALL`)).body.values).toMatchObject([{ id: 2 }, { id: 1 }])
    expect((await asAdmin()('GET', `${base}/1/activities`)).body.values).toEqual(activities)
    expect((await asAdmin()('GET', `${base}/1/blocker-comments`)).body.values).toEqual([{ id: 7, severity: 'BLOCKER' }])
    expect((await asAdmin()('GET', `${base}/1/commits`)).body.values).toMatchObject([{ message: 'Start branch 1' }])
    expect((await asAdmin()('GET', `${base}/9`)).status).toBe(404)
  })

  it('answers settings that were given, to administrators', async () => {
    sandbox.bitbucket.setData('PRJ', 'open', 'branch-restrictions', [{ id: 1, type: 'no-deletes' }])
    const path = '/rest/branch-permissions/2.0/projects/PRJ/repos/open/restrictions'
    expect((await asAdmin()('GET', path)).body).toMatchObject({ values: [{ id: 1, type: 'no-deletes' }], isLastPage: true })
    expect((await asAda()('GET', path)).status).toBe(401)
    sandbox.bitbucket.setData('PRJ', 'open', 'ssh-keys', Array.from({ length: 60 }, (_, id) => ({ key: { id } })))
    await using wide = await startSandbox()
    await wide.bitbucket.createRepository({ project: 'P', slug: 'r', seed: { empty: true } })
    wide.bitbucket.setData('P', 'r', 'ssh-keys', Array.from({ length: 60 }, (_, id) => ({ key: { id } })))
    const keys = await rest(wide.bitbucket.url, bearer(wide.bitbucket.token))('GET', '/rest/keys/latest/projects/P/repos/r/ssh?limit=250')
    expect(keys.body).toMatchObject({ limit: 50, size: 50, nextPageStart: 50 })
  })
})

describe('older servers and busy ones', () => {
  it('before version 8 there is no archived field', async () => {
    await using old = await startSandbox({ bitbucket: { version: '7.21.0' } })
    await old.bitbucket.createRepository({ project: 'P', slug: 'r', seed: { empty: true } })
    const { body } = await rest(old.bitbucket.url, bearer(old.bitbucket.token))('GET', `${api}/projects/P/repos/r`)
    expect(body).toMatchObject({ slug: 'r' })
    expect(body).not.toHaveProperty('archived')
  })

  it('limits REST and git of one user together', async () => {
    await using busy = await startSandbox({ bitbucket: { rateLimit: { capacity: 2, fillRate: 0.01 } } })
    const { cloneUrl } = await busy.bitbucket.createRepository({ project: 'P', slug: 'r' })
    const { token, url } = busy.bitbucket
    expect((await rest(url, bearer(token))('GET', `${api}/projects`)).status).toBe(200)
    const listing = () => fetch(`${cloneUrl}/info/refs?service=git-upload-pack`, { headers: { authorization: bearer(token) } })
    expect((await listing()).status).toBe(200)
    const limited = await listing()
    expect(limited.status).toBe(429)
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await rest(url)('GET', `${api}/projects`)).status).toBe(200)
  })

  it('may say nothing of when to come back', async () => {
    await using silent = await startSandbox({ bitbucket: { rateLimit: { capacity: 1, fillRate: 0.01, headers: false } } })
    const call = rest(silent.bitbucket.url, bearer(silent.bitbucket.token))
    await call('GET', `${api}/projects`)
    const limited = await call('GET', `${api}/projects`)
    expect(limited.status).toBe(429)
    expect(limited.headers.get('retry-after')).toBeNull()
    expect(limited.headers.get('x-ratelimit-limit')).toBeNull()
  })
})
