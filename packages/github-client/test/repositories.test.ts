import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Sandbox } from '@saddle/sandbox'
import { all, failureOf, rehearsalStage, rehearse, type Rehearsal } from './support.ts'

let github: Sandbox['github']
let stage: Rehearsal
const client = () => stage.client
let number = 0
const fresh = () => `repo-${++number}`

beforeAll(async () => {
  ;({ github } = await rehearsalStage())
  github.createOrganization({ login: 'acme' })
  github.createOrganization({ login: 'corp', enterprise: true })
  github.createUser({ login: 'eve' })
})
beforeEach(() => {
  stage = rehearse({ baseUrl: github.url, auth: { token: github.token } })
  github.clearRequests()
})

const paths = () => github.requests.map(({ method, path }) => `${method} ${path.replace('/api/v3', '')}`)

describe('reading', () => {
  it('gives a repository as an unchangeable object, and undefined for none', async () => {
    await github.createRepository({ owner: 'acme', name: 'Tool', description: 'A tool', defaultBranch: 'trunk' })
    const repository = await client().repository('ACME', 'tool')
    expect(repository).toMatchObject({
      owner: 'acme', name: 'Tool', fullName: 'acme/Tool', description: 'A tool', visibility: 'private', archived: false,
      defaultBranch: 'trunk', topics: [], permissions: { admin: true, push: true, pull: true }, size: 0,
      htmlUrl: `${github.webUrl}/acme/Tool`,
    })
    expect(repository).not.toHaveProperty('renamedFrom')
    expect(Date.parse(repository!.createdAt)).toBeGreaterThan(0)
    expect(() => { (repository as { name: string }).name = 'x' }).toThrow(TypeError)
    expect(() => { (repository as unknown as { topics: string[] }).topics.push('x') }).toThrow(TypeError)
    expect(await client().repository('acme', 'none')).toBeUndefined()
    expect(await client().repository('nobody', 'none')).toBeUndefined()
  })

  it('finds a renamed repository and says so; a write to the old name is refused with the reason', async () => {
    const name = fresh()
    await client().createRepository({ owner: 'acme', name, visibility: 'private' })
    await client().updateRepository('acme', name, { name: `${name}-new` })
    expect(await client().repository('acme', name)).toMatchObject({ fullName: `acme/${name}-new`, renamedFrom: `acme/${name}` })
    github.fault({ method: 'PATCH', path: `/repos/acme/${name}`, action: { status: 307, headers: { location: `${github.url}/repositories/1` }, body: {} } })
    const error = await failureOf(client().updateRepository('acme', name, { description: 'x' }))
    expect(error).toMatchObject({ code: 'REDIRECTED', retryable: false })
    expect(error.message).toMatch('renamed')
  })

  it('lists the repositories of an organisation over all pages', async () => {
    github.createOrganization({ login: 'many' })
    for (let index = 0; index < 101; index++) await github.createRepository({ owner: 'many', name: `r${index}` })
    github.clearRequests()
    expect((await all(client().organizationRepositories('many'))).map(({ name }) => name).sort()).toEqual(
      Array.from({ length: 101 }, (_, index) => `r${index}`).sort(),
    )
    expect(github.requests).toHaveLength(2)
    for await (const _first of client().organizationRepositories('many')) break
    expect(github.requests).toHaveLength(3)
  })
})

describe('the repositories of an owner', () => {
  it('are those of an organisation, all of the own user, and the public ones of another', async () => {
    github.createOrganization({ login: 'team', owners: ['admin'] })
    for (const owner of ['team', 'admin', 'eve']) {
      await github.createRepository({ owner, name: 'listed-open', visibility: 'public' })
      await github.createRepository({ owner, name: 'listed-closed' })
    }
    const names = async (owner: string) => (await all(client().repositories(owner))).flatMap(({ fullName }) => (fullName.includes('listed-') ? [fullName] : [])).sort()
    expect(await names('team')).toEqual(['team/listed-closed', 'team/listed-open'])
    expect(await names('Admin')).toEqual(['admin/listed-closed', 'admin/listed-open'])
    expect(await names('eve')).toEqual(['eve/listed-open'])
    expect(await failureOf(names('nobody'))).toMatchObject({ code: 'NOT_FOUND', context: { option: 'owner' } })
  })
})

describe('creating', () => {
  it('makes one in an organisation and one for the own user, with one look at what the owner is', async () => {
    const [one, two, own] = [fresh(), fresh(), fresh()]
    expect(await client().createRepository({ owner: 'acme', name: one, visibility: 'private', description: 'Straße 😀', homepage: 'https://example.com' }))
      .toMatchObject({ fullName: `acme/${one}`, visibility: 'private', description: 'Straße 😀', homepage: 'https://example.com' })
    expect(await client().createRepository({ owner: 'acme', name: two, visibility: 'public' })).toMatchObject({ visibility: 'public' })
    expect(await client().createRepository({ owner: 'admin', name: own, visibility: 'private' })).toMatchObject({ fullName: `admin/${own}`, visibility: 'private' })
    expect(paths().filter((path) => path === 'GET /users/acme')).toHaveLength(1)
  })

  it('refuses what cannot be, before anything is made', async () => {
    expect(await failureOf(client().createRepository({ owner: 'eve', name: 'x', visibility: 'private' }))).toMatchObject({ code: 'FORBIDDEN', context: { target: 'eve/x' } })
    expect(await failureOf(client().createRepository({ owner: 'nobody', name: 'x', visibility: 'private' }))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await failureOf(client().createRepository({ owner: 'acme', name: 'my tool', visibility: 'private' }))).toMatchObject({ code: 'INVALID_INPUT' })
    expect(await failureOf(client().createRepository({ owner: 'admin', name: 'x', visibility: 'internal' }))).toMatchObject({ code: 'INVALID_INPUT', context: { option: 'visibility' } })
    expect(await failureOf(client().repository('acme', '..'))).toMatchObject({ code: 'INVALID_INPUT' })
    expect(await failureOf(client().repository('../orgs', 'x'))).toMatchObject({ code: 'INVALID_INPUT' })
    expect(paths().filter((path) => !path.startsWith('GET'))).toEqual([])
  })

  it('makes internal ones where there is an enterprise, and says so where there is none', async () => {
    expect(await client().createRepository({ owner: 'corp', name: fresh(), visibility: 'internal' })).toMatchObject({ visibility: 'internal' })
    const error = await failureOf(client().createRepository({ owner: 'acme', name: fresh(), visibility: 'internal' }))
    expect(error).toMatchObject({ code: 'INVALID_INPUT', context: { option: 'visibility' } })
    expect(error.message).toMatch('only organisations of an enterprise')
  })

  it('knows a name that is taken, in any case', async () => {
    await github.createRepository({ owner: 'acme', name: 'Taken' })
    const error = await failureOf(client().createRepository({ owner: 'acme', name: 'taken', visibility: 'private' }))
    expect(error).toMatchObject({ code: 'ALREADY_EXISTS', retryable: false, context: { target: 'acme/taken', status: 422 } })
  })

  it('is sent once when the answer is lost, and the repository is there to be found', async () => {
    const name = fresh()
    const fault = github.fault({ method: 'POST', path: '/repos', times: 9, action: { dropAnswer: true } })
    expect(await failureOf(client().createRepository({ owner: 'acme', name, visibility: 'private' }))).toMatchObject({ code: 'NETWORK', retryable: true })
    expect(fault.hits).toBe(1)
    fault.remove()
    expect(await client().repository('acme', name)).toMatchObject({ name })
  })

  it('waits until git sees it', async () => {
    const name = fresh()
    await client().createRepository({ owner: 'acme', name, visibility: 'private' })
    const fault = github.fault({ path: `/${name}.git/info/refs`, times: 3, action: { status: 404 } })
    await client().waitUntilReady('acme', name)
    expect(fault.hits).toBe(3)
    expect(stage.waits).toEqual([250, 500, 1000])
    const gone = await failureOf(client().waitUntilReady('acme', 'never-made'))
    expect(gone).toMatchObject({ code: 'NOT_FOUND', retryable: true })
    expect(stage.waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(25_000)
  })
})

describe('updating', () => {
  it('changes what is given and nothing else, in as few requests as the order allows', async () => {
    const name = fresh()
    await github.createRepository({ owner: 'acme', name, description: 'old' })
    github.clearRequests()
    expect(await client().updateRepository('acme', name, { topics: ['b', 'a'] })).toMatchObject({ topics: ['b', 'a'], description: 'old' })
    expect(await client().updateRepository('acme', name, { description: 'new', homepage: 'https://example.com', visibility: 'public' }))
      .toMatchObject({ description: 'new', homepage: 'https://example.com', visibility: 'public', topics: ['b', 'a'] })
    expect(await client().updateRepository('acme', name, { description: '' })).toMatchObject({ description: '' })
    const repo = `/repos/acme/${name}`
    expect(paths()).toEqual([`PUT ${repo}/topics`, `GET ${repo}`, `PATCH ${repo}`, `PATCH ${repo}`])
  })

  it('archives last and unarchives first', async () => {
    const name = fresh()
    await github.createRepository({ owner: 'acme', name })
    expect(await client().updateRepository('acme', name, { archived: true, topics: ['x'], description: 'done', name: `${name}-kept` }))
      .toMatchObject({ archived: true, topics: ['x'], description: 'done', name: `${name}-kept` })
    const error = await failureOf(client().updateRepository('acme', `${name}-kept`, { description: 'more' }))
    expect(error).toMatchObject({ code: 'FORBIDDEN' })
    expect(error.message).toMatch('Unarchive it first')
    expect(await client().updateRepository('acme', `${name}-kept`, { archived: false, topics: [], description: 'more' }))
      .toMatchObject({ archived: false, topics: [], description: 'more' })
  })

  it('says which branch is missing, and refuses more topics than GitHub keeps', async () => {
    const name = fresh()
    await github.createRepository({ owner: 'acme', name })
    const error = await failureOf(client().updateRepository('acme', name, { defaultBranch: 'nowhere' }))
    expect(error).toMatchObject({ code: 'INVALID_INPUT', context: { target: `acme/${name}` } })
    expect(error.message).toMatch('The branch nowhere was not found')
    github.clearRequests()
    expect(await failureOf(client().updateRepository('acme', name, { topics: Array.from({ length: 21 }, (_, index) => `t${index}`) }))).toMatchObject({ code: 'INVALID_INPUT' })
    expect(paths()).toEqual([])
  })
})

describe('deleting', () => {
  it('deletes what carries the marker, once, and refuses everything else', async () => {
    const [mine, theirs, renamed] = [fresh(), fresh(), fresh()]
    await github.createRepository({ owner: 'acme', name: mine, description: 'Tool [made by m-1]' })
    await github.createRepository({ owner: 'acme', name: theirs, description: 'Tool [made by m-2]' })
    await github.createRepository({ owner: 'acme', name: renamed, description: '[made by m-1]' })
    await client().updateRepository('acme', renamed, { name: `${renamed}-kept` })

    await client().deleteRepository('acme', mine, { marker: '[made by m-1]' })
    expect(github.repository('acme', mine)).toBeUndefined()
    await client().deleteRepository('acme', mine, { marker: '[made by m-1]' })
    for (const name of [theirs, renamed]) {
      expect(await failureOf(client().deleteRepository('acme', name, { marker: '[made by m-1]' }))).toMatchObject({ code: 'FORBIDDEN', context: { target: `acme/${name}` } })
    }
    expect(await failureOf(client().deleteRepository('acme', theirs, { marker: ' ' }))).toMatchObject({ code: 'INVALID_INPUT' })
    expect(github.repository('acme', theirs)).toBeDefined()
    expect(github.repository('acme', `${renamed}-kept`)).toBeDefined()
  })

  it('takes a repository for deleted when only the answer was lost', async () => {
    const name = fresh()
    await github.createRepository({ owner: 'acme', name, description: 'mark' })
    const fault = github.fault({ method: 'DELETE', path: name, action: { dropAnswer: true } })
    await client().deleteRepository('acme', name, { marker: 'mark' })
    expect(fault.hits).toBe(1)
    expect(github.repository('acme', name)).toBeUndefined()
  })
})
