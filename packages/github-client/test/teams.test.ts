import type { Sandbox } from '@saddle/sandbox'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { all, failureOf, rehearsalStage, rehearse, type Rehearsal } from './support.ts'

let github: Sandbox['github']
let stage: Rehearsal
let backend: { id: number; slug: string }

beforeAll(async () => {
  ;({ github } = await rehearsalStage())
  github.createOrganization({ login: 'acme', description: 'Makers' })
  backend = github.createTeam({ org: 'acme', name: 'Back End', description: 'Servers' })
  github.createTeam({ org: 'acme', name: 'Docs', privacy: 'secret' })
})
beforeEach(async () => {
  stage = rehearse({ baseUrl: github.url, auth: { token: github.token } })
  if (!github.repository('acme', 'tool')) await github.createRepository({ owner: 'acme', name: 'tool' })
  github.clearRequests()
})
const permissions = async () => (await all(stage.client.teamsOfRepository('acme', 'tool'))).map(({ slug, permission }) => [slug, permission])

describe('organisations and teams', () => {
  it('lists both', async () => {
    expect(await all(stage.client.organizations())).toEqual([{ id: expect.any(Number) as number, login: 'acme', description: 'Makers' }])
    expect(await all(stage.client.teams('acme'))).toEqual([
      { id: backend.id, slug: 'back-end', name: 'Back End', description: 'Servers', privacy: 'closed', permission: expect.any(String) as string, parentSlug: undefined },
      expect.objectContaining({ slug: 'docs', privacy: 'secret', description: undefined }),
    ])
    expect(await failureOf(all(stage.client.teams('nobody')))).toMatchObject({ code: 'NOT_FOUND' })
  })

  it.each([
    ['by slug', () => ({ teamSlug: 'back-end' })],
    ['by id', () => ({ teamId: backend.id })],
  ])('gives, changes and takes a permission %s', async (_what, team) => {
    const target = { org: 'acme', repo: 'tool', ...team() }
    await stage.client.setTeamPermission({ ...target, permission: 'push' })
    expect(await permissions()).toEqual([['back-end', 'push']])
    await stage.client.setTeamPermission({ ...target, permission: 'maintain' })
    expect(await permissions()).toEqual([['back-end', 'maintain']])
    await stage.client.removeTeam(target)
    expect(await permissions()).toEqual([])
    await stage.client.removeTeam(target)
    expect(github.requests.filter(({ path }) => path.endsWith('/users/acme')).length).toBeLessThanOrEqual(1)
  })

  it('fails for a team, an organisation or a repository that is not there', async () => {
    const permission = 'pull'
    expect(await failureOf(stage.client.setTeamPermission({ org: 'acme', repo: 'tool', teamSlug: 'nobody', permission }))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await failureOf(stage.client.setTeamPermission({ org: 'acme', repo: 'tool', teamId: 1, permission }))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await failureOf(stage.client.setTeamPermission({ org: 'admin', repo: 'tool', teamId: backend.id, permission }))).toMatchObject({ code: 'NOT_FOUND', context: { option: 'org' } })
    expect(await failureOf(stage.client.setTeamPermission({ org: 'acme', repo: 'none', teamSlug: 'back-end', permission }))).toMatchObject({ code: 'NOT_FOUND' })
  })

  it.each([
    { org: '..', repo: 'tool', teamSlug: 'docs' },
    { org: 'acme', repo: '..', teamSlug: 'docs' },
    { org: 'acme', repo: 'tool', teamSlug: '..' },
    { org: 'acme', repo: 'tool', teamSlug: '../../../orgs/acme' },
    { org: 'acme', repo: 'tool', teamId: '../1' as unknown as number },
    { org: 'acme', repo: 'tool', teamSlug: 'docs', owner: '.' },
  ])('sends nothing for %j', async (target) => {
    expect(await failureOf(stage.client.removeTeam(target as { org: string; repo: string; teamSlug: string }))).toMatchObject({ code: 'INVALID_INPUT' })
    expect(github.requests).toEqual([])
  })
})
