import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GitHubClient, pairsOf, TeamsManager, toPermissionName, toTeamPermission, type TeamsProgress } from '../src/index.ts'
import { impatient, setStage, type Stage } from './stage.ts'

let stage: Stage
let github: GitHubClient
let manager: TeamsManager
const list = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
const has = async (repository: string) => Object.fromEntries((await list(manager.teamsOf('acme', repository))).map(({ slug, permission }) => [slug, permission]))

beforeEach(async () => {
  stage = await setStage()
  const { sandbox } = stage
  for (const [name, visibility] of [['one', 'private'], ['two', 'private'], ['open', 'public']] as const) {
    await sandbox.github.createRepository({ owner: 'acme', name, visibility })
  }
  github = new GitHubClient({ baseUrl: sandbox.github.url, gitUrl: sandbox.github.webUrl, auth: { token: sandbox.github.token }, retry: impatient })
  manager = new TeamsManager({ github, concurrency: 3 })
})
afterEach(async () => {
  await github.close()
  await stage[Symbol.asyncDispose]()
})

describe('TeamsManager', () => {
  it('lists repositories by visibility, and counts what it lists', async () => {
    const all = await manager.repositories('acme')
    expect(all.counts).toEqual({ total: 3, private: 2, internal: 0, public: 1 })
    const open = await manager.repositories('acme', { private: false })
    expect(open.repositories.map(({ name }) => name)).toEqual(['open'])
    expect(open.counts).toEqual({ total: 1, private: 0, internal: 0, public: 1 })
  })

  it('summarises by visibility and by the caller\'s own permission', async () => {
    expect(await manager.summary('acme')).toEqual({
      total: 3, archived: 0,
      visibility: { private: 2, internal: 0, public: 1 },
      permission: { admin: 3, maintain: 0, push: 0, triage: 0, pull: 0, none: 0 },
    })
    stage.sandbox.github.createUser({ login: 'reader' })
    stage.sandbox.github.setCollaborator('acme', 'one', 'reader', 'pull')
    const token = stage.sandbox.github.createToken({ user: 'reader', scopes: ['repo', 'read:org'] })
    const client = new GitHubClient({ baseUrl: stage.sandbox.github.url, auth: { token }, retry: impatient })
    const { total, permission } = await new TeamsManager({ github: client }).summary('acme')
    await client.close()
    expect({ total, ...permission }).toEqual({ total: 2, admin: 0, maintain: 0, push: 0, triage: 0, pull: 2, none: 0 })
  })

  it('sets, changes and removes, by slug and by id', async () => {
    const team = stage.sandbox.github.createTeam({ org: 'acme', name: 'Core Team' })
    await manager.set('acme', 'one', { id: team.id }, 'push')
    expect(await has('one')).toEqual({ 'core-team': 'push' })
    await manager.set('acme', 'one', { slug: 'core-team' }, 'triage')
    expect(await has('one')).toEqual({ 'core-team': 'triage' })
    await manager.remove('acme', 'one', { id: team.id })
    await manager.remove('acme', 'one', { id: team.id })
    expect(await has('one')).toEqual({})
  })

  it('makes many changes, and says what became of each', async () => {
    const [a, b] = ['a', 'b'].map((name) => stage.sandbox.github.createTeam({ org: 'acme', name }))
    const seen: TeamsProgress[] = []
    manager.on('progress', (event) => seen.push(event))
    const changes = pairsOf(['one', 'missing', 'One', 'two'], [{ id: a!.id }, { id: b!.id }, { id: a!.id }], 'maintain')
    const report = await manager.apply('acme', changes)
    expect(report.outcomes.map(({ repository, team, success }) => [repository, team.id, success])).toEqual([
      ['One', a!.id, true], ['One', b!.id, true], ['missing', a!.id, false], ['missing', b!.id, false], ['two', a!.id, true], ['two', b!.id, true],
    ])
    expect(report).toMatchObject({ successful: 4, failed: 2 })
    expect(report.outcomes[2]?.error).toMatchObject({ code: 'NOT_FOUND' })
    expect(await has('one')).toEqual({ a: 'maintain', b: 'maintain' })
    expect(seen.map(({ type }) => type)).toEqual(['teams-start', ...Array.from({ length: 6 }, () => 'team-update'), 'teams-end'])
  })

  it('waits out a secondary limit and goes on', async () => {
    const team = stage.sandbox.github.createTeam({ org: 'acme', name: 'a' })
    const fault = stage.sandbox.github.fault({
      method: 'PUT', path: '/team/', times: 2,
      action: { status: 403, headers: { 'retry-after': '1' }, body: { message: 'You have exceeded a secondary rate limit.' } },
    })
    const report = await manager.apply('acme', pairsOf(['one', 'two', 'open'], [{ id: team.id }], 'pull'))
    expect(fault.hits).toBe(2)
    expect(report).toMatchObject({ successful: 3, failed: 0 })
  })

  it('stops when it is told to', async () => {
    const team = stage.sandbox.github.createTeam({ org: 'acme', name: 'a' })
    const stop = new AbortController()
    manager.on('team-update', () => stop.abort())
    const slow = new TeamsManager({ github, concurrency: 1 })
    slow.on('team-update', () => stop.abort())
    await expect(slow.apply('acme', pairsOf(['one', 'two', 'open'], [{ id: team.id }], 'pull'), { signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await has('open')).toEqual({})
  })
})

describe('the names of permissions', () => {
  it.each([['read', 'pull'], ['write', 'push'], ['pull', 'pull'], ['push', 'push'], ['triage', 'triage'], ['MAINTAIN', 'maintain'], [' admin ', 'admin']])('%s is %s', (name, expected) => {
    expect(toTeamPermission(name)).toBe(expected)
  })

  it('are closed, and go back to what people say', () => {
    expect(() => toTeamPermission('owner')).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    expect(['pull', 'push', 'admin', 'custom-role'].map(toPermissionName)).toEqual(['read', 'write', 'admin', 'custom-role'])
  })
})
