import { beforeAll, describe, expect, test } from 'vitest'
import type { BitbucketSandbox } from '@saddle/sandbox'
import type { BitbucketClient } from '../src/index.ts'
import { all, failureOf, rehearsalStage, rehearse } from './support.ts'

let server: BitbucketSandbox
let client: BitbucketClient
let admin: BitbucketClient

beforeAll(async () => {
  server = await rehearsalStage({ contextPath: '/bitbucket', pageCap: 2 })
  client = rehearse(server)
  admin = rehearse(server, { auth: { username: server.adminUsername, password: server.adminPassword } })
  server.createUser({ name: 'jane', password: 'jane-password' })
  server.createProject({ key: 'PROJ', name: 'A project', description: 'What it is for', public: true })
  server.createProject({ key: '~jane' })
  for (const key of ['AAA', 'BBB', 'CCC']) server.createProject({ key })
  await server.createRepository({
    project: 'PROJ', slug: 'tool', name: 'Tool!', description: 'A tool', labels: ['cli', 'node', 'typescript'],
    defaultBranch: 'trunk', seed: { commits: 4, branches: 5, tags: 3 },
  })
  await server.createRepository({ project: 'PROJ', slug: 'empty', seed: { empty: true } })
  await server.createRepository({ project: 'PROJ', slug: 'old', archived: true })
  await server.createRepository({ project: 'PROJ', slug: 'has_weird🌭characters0', name: 'has%weird🌭characters' })
  await server.createRepository({ project: '~jane', slug: 'fork', forkOf: { project: 'PROJ', slug: 'tool' } })
})

describe('the server', () => {
  test('tells its version', async () => {
    expect(await client.applicationProperties()).toEqual({ version: '9.4.0', buildNumber: expect.stringMatching(/^\d+$/), displayName: 'Bitbucket' })
  })

  test('names the user, also one outside ASCII', async () => {
    expect(await client.whoAmI()).toBe('admin')
    server.createUser({ name: 'jürgen%41', password: 'pässwörd: with colon' })
    const user = rehearse(server, { auth: { username: 'jürgen%41', password: 'pässwörd: with colon' } })
    expect(await user.whoAmI()).toBe('jürgen%41')
  })

  test('is below its context path', () => {
    expect(client.baseUrl.href).toBe(server.url)
    expect(client.insecure).toBe(false)
  })
})

describe('projects', () => {
  test('come page after page, without the personal ones', async () => {
    server.clearRequests()
    expect((await all(client.projects())).map(({ key }) => key).sort()).toEqual(['AAA', 'BBB', 'CCC', 'PROJ'])
    expect(server.requests).toHaveLength(2)
  })

  test('are read by key in any case', async () => {
    const expected = { key: 'PROJ', name: 'A project', description: 'What it is for', public: true, personal: false }
    expect(await client.project('PROJ')).toEqual(expected)
    expect(await client.project('proj')).toEqual(expected)
  })

  test('of users have a key with a tilde', async () => {
    expect(await client.project('~jane')).toMatchObject({ key: '~JANE', personal: true })
  })
})

describe('repositories', () => {
  test('are read with what a migration wants to know', async () => {
    const repository = await client.repository('proj', 'tool')
    expect(repository).toEqual({
      projectKey: 'PROJ', slug: 'tool', name: 'Tool!', description: 'A tool', archived: false, public: false, forkable: true,
      origin: undefined, size: undefined, personal: false, state: 'AVAILABLE', cloneUrl: `${server.url}/scm/proj/tool.git`,
    })
    expect(Object.isFrozen(repository)).toBe(true)
    expect(await client.repository('PROJ', 'old')).toMatchObject({ archived: true, description: undefined })
  })

  test('of users know that they are, and forks where they come from', async () => {
    expect(await client.repository('~jane', 'fork')).toMatchObject({ personal: true, origin: { projectKey: 'PROJ', slug: 'tool' } })
  })

  test('are found by a slug that only percent-encoding carries', async () => {
    const slug = 'has_weird🌭characters0'
    expect(await client.repository('PROJ', slug)).toMatchObject({ slug, name: 'has%weird🌭characters' })
  })

  test('of one project, and of all with the personal and archived ones, are all listed', async () => {
    const slugs = async (list: AsyncIterable<{ slug: string }>) => (await all(list)).map(({ slug }) => slug).sort()
    const inProject = ['empty', 'has_weird🌭characters0', 'old', 'tool']
    expect(await slugs(client.repositories('PROJ'))).toEqual(inProject)
    expect(await slugs(client.allRepositories())).toEqual([...inProject, 'fork'].sort())
    expect(await slugs(client.allRepositories({ archived: 'ARCHIVED' }))).toEqual(['old'])
  })

  test('are listed lazily, and no page is fetched that nobody wants', async () => {
    server.clearRequests()
    for await (const { slug } of client.repositories('PROJ')) if (slug) break
    expect(server.requests).toHaveLength(1)
  })
})

describe('the content of a repository', () => {
  test('default branch, by its full name', async () => {
    expect(await client.defaultBranch('PROJ', 'tool')).toBe('refs/heads/trunk')
  })

  test('branches', async () => {
    const branches = await all(client.branches('PROJ', 'tool'))
    expect(branches).toHaveLength(5)
    expect(branches.filter(({ isDefault }) => isDefault)).toEqual([
      { ref: 'refs/heads/trunk', name: 'trunk', commit: expect.stringMatching(/^[0-9a-f]{40}$/), isDefault: true },
    ])
    expect(await client.branchCount('PROJ', 'tool')).toBe(5)
  })

  test('tags, annotated or not', async () => {
    const tags = await all(client.tags('PROJ', 'tool'))
    expect(new Set(tags.map(({ object }) => typeof object))).toEqual(new Set(['string', 'undefined']))
    for (const { ref, name, commit } of tags) expect([ref, commit]).toEqual([`refs/tags/${name}`, expect.stringMatching(/^[0-9a-f]{40}$/)])
    expect(await client.tagCount('PROJ', 'tool')).toBe(3)
  })

  test('last commit', async () => {
    const trunk = (await all(client.branches('PROJ', 'tool'))).find(({ isDefault }) => isDefault)
    server.clearRequests()
    expect(await client.lastCommit('PROJ', 'tool')).toEqual({ id: trunk!.commit, date: expect.any(Date) })
    expect(server.requests).toHaveLength(1)
  })

  test('labels, over several pages', async () => {
    expect((await client.labels('PROJ', 'tool')).sort()).toEqual(['cli', 'node', 'typescript'])
    expect(await client.labels('PROJ', 'empty')).toEqual([])
  })

  test('number of pull requests', async () => {
    expect(await client.pullRequestCount('PROJ', 'tool')).toBe(0)
    const [from] = (await all(client.branches('PROJ', 'tool'))).filter(({ isDefault }) => !isDefault)
    for (const state of ['MERGED', 'OPEN'] as const) {
      await server.createPullRequest({ project: 'PROJ', slug: 'tool', title: state, from: from!.name, to: 'trunk', state })
    }
    expect(await client.pullRequestCount('PROJ', 'tool')).toBe(2)
  })

  test('an empty repository has a default branch in name only, and nothing else', async () => {
    expect(await client.defaultBranch('PROJ', 'empty')).toBe('refs/heads/main')
    expect(await client.lastCommit('PROJ', 'empty')).toBeUndefined()
    expect(await client.branchCount('PROJ', 'empty')).toBe(0)
    expect(await client.tagCount('PROJ', 'empty')).toBe(0)
  })

  test('size is for passwords: with a token nothing is asked', async () => {
    server.clearRequests()
    expect(await client.size('PROJ', 'tool')).toBeUndefined()
    expect(server.requests).toEqual([])
    expect(await admin.size('PROJ', 'tool')).toEqual({ repository: expect.any(Number), attachments: 0 })
    expect((await admin.size('PROJ', 'tool'))!.repository).toBeGreaterThan(500)
    expect((await failureOf(admin.size('PROJ', 'missing'))).code).toBe('NOT_FOUND')
  })
})

describe('an abort', () => {
  test('ends every method and list before anything is sent', async () => {
    server.clearRequests()
    const options = { signal: AbortSignal.abort('enough') }
    const calls: (() => Promise<unknown>)[] = [
      () => client.applicationProperties(options), () => client.whoAmI(options), () => client.project('PROJ', options),
      () => client.repository('PROJ', 'tool', options), () => client.defaultBranch('PROJ', 'tool', options),
      () => client.lastCommit('PROJ', 'tool', options), () => admin.size('PROJ', 'tool', options), () => client.labels('PROJ', 'tool', options),
      () => admin.lfsEnabled('PROJ', 'tool', options), () => client.branchCount('PROJ', 'tool', options),
      () => client.tagCount('PROJ', 'tool', options), () => client.pullRequestCount('PROJ', 'tool', options),
      () => all(client.projects(options)), () => all(client.repositories('PROJ', options)), () => all(client.allRepositories(options)),
    ]
    for (const call of calls) expect((await failureOf(call())).code).toBe('ABORTED')
    expect(server.requests).toEqual([])
  })

  test('ends a list between its pages', async () => {
    const controller = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      for await (const { slug } of client.repositories('PROJ', { signal: controller.signal })) {
        seen.push(slug)
        controller.abort()
      }
    })()
    expect((await failureOf(reading)).code).toBe('ABORTED')
    expect(seen).toHaveLength(2)
  })
})

test('it only reads', () => {
  expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(['GET']))
})
