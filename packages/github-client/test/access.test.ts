import type { Sandbox } from '@saddle/sandbox'
import { beforeAll, describe, expect, it } from 'vitest'
import type { GitHubAuth } from '../src/index.ts'
import { failureOf, rehearsalStage, rehearse } from './support.ts'

let github: Sandbox['github']

beforeAll(async () => {
  ;({ github } = await rehearsalStage())
  for (const login of ['olga', 'mia', 'sam']) github.createUser({ login })
  github.createOrganization({ login: 'acme', owners: ['olga'], members: ['mia'] })
  github.createOrganization({ login: 'closed', members: ['mia'], membersCanCreateRepositories: false })
  await github.createRepository({ owner: 'acme', name: 'tool' })
  await github.createRepository({ owner: 'acme', name: 'open', visibility: 'public' })
  await github.createRepository({ owner: 'acme', name: 'old', archived: true })
  github.setCollaborator('acme', 'tool', 'mia', 'push')
  github.setCollaborator('acme', 'tool', 'sam', 'pull')
})

const check = (auth: GitHubAuth | string, owner: string, name?: string) =>
  rehearse({ baseUrl: github.url, auth: typeof auth === 'string' ? { token: auth } : auth }).client.checkAccess(owner, name)
const classic = (user: string, ...scopes: string[]) => github.createToken({ user, scopes })

describe('checkAccess', () => {
  it('has nothing to complain about where everything is allowed', async () => {
    expect(await check(classic('olga', 'repo', 'read:org'), 'acme', 'tool')).toEqual({
      token: { valid: true, kind: 'classic', login: 'olga', scopes: ['repo', 'read:org'] },
      owner: { exists: true, kind: 'organization', canCreate: true },
      repository: { exists: true, canRead: true, canPush: true, canAdmin: true, archived: false },
      missing: [],
    })
    expect(await check(github.createToken({ user: 'olga', fineGrained: true }), 'olga')).toEqual({
      token: { valid: true, kind: 'fine-grained', login: 'olga' },
      owner: { exists: true, kind: 'user', canCreate: true },
      missing: [],
    })
  })

  it('says that a token is not valid, and asks nothing more with it', async () => {
    github.clearRequests()
    const report = await check('ghp_revoked0000000000000000', 'acme', 'tool')
    expect(report).toMatchObject({
      token: { valid: false, kind: 'classic' },
      owner: { exists: false, canCreate: false },
      repository: { exists: false, canRead: false, canPush: false, canAdmin: false },
      missing: [expect.stringContaining('expired or been revoked')],
    })
    expect(github.requests).toHaveLength(1)
  })

  it('tells an owner that is missing from one where nothing may be created', async () => {
    const token = classic('sam', 'repo', 'read:org')
    expect(await check(token, 'nobody')).toMatchObject({ owner: { exists: false, canCreate: false }, missing: [expect.stringContaining('nobody')] })
    expect(await check(token, 'acme')).toMatchObject({ owner: { exists: true, canCreate: false }, missing: ['sam is not a member of acme. Ask an owner of the organisation for an invitation.'] })
    expect(await check(token, 'olga')).toMatchObject({ owner: { exists: true, kind: 'user', canCreate: false }, missing: [expect.stringContaining('by olga only')] })
    expect(await check(classic('mia', 'repo', 'read:org'), 'acme')).toMatchObject({ owner: { canCreate: true }, missing: [] })
    expect(await check(classic('mia', 'repo', 'read:org'), 'closed')).toMatchObject({ owner: { canCreate: false }, missing: [expect.stringContaining('Members of closed may not create')] })
  })

  it('tells reading from pushing, and names the scope that is missing', async () => {
    expect(await check(classic('sam', 'repo'), 'acme', 'tool')).toMatchObject({
      // Without read:org GitHub does not say.
      owner: { canCreate: undefined },
      repository: { exists: true, canRead: true, canPush: false, canAdmin: false },
      missing: [expect.stringContaining('sam can see acme/tool but not push')],
    })
    expect(await check(classic('mia', 'repo'), 'acme', 'tool')).toMatchObject({ repository: { canPush: true, canAdmin: false } })
    // The user may, the token may not.
    const scoped = await check(classic('olga', 'read:org'), 'acme', 'open')
    expect(scoped).toMatchObject({ owner: { canCreate: false }, repository: { exists: true, canRead: true, canPush: false } })
    expect(scoped.missing).toEqual([expect.stringContaining('lacks the scope repo'), expect.stringContaining('needs the scope public_repo')])
    expect(await check(classic('olga', 'public_repo'), 'acme', 'tool')).toMatchObject({ repository: { exists: false, canRead: false } })
  })

  it('says that a repository is archived', async () => {
    const report = await check(github.token, 'acme', 'old')
    expect(report).toMatchObject({ repository: { exists: true, canPush: true, archived: true } })
    expect(report.missing).toEqual([expect.stringContaining('archived')])
  })

  it('knows the permissions of an App', async () => {
    const reader = github.createApp()
    reader.install('acme', { permissions: { contents: 'read', metadata: 'read' } })
    const limited = await check({ appId: reader.appId, privateKey: reader.privateKey }, 'acme', 'tool')
    expect(limited).toMatchObject({
      token: { valid: true, kind: 'app', login: `${reader.slug}[bot]` },
      owner: { kind: 'organization', canCreate: false },
      repository: { exists: true, canRead: true, canPush: false, canAdmin: false },
    })
    expect(limited.missing).toEqual([expect.stringContaining('Administration: write'), expect.stringContaining('Contents: write')])

    const writer = github.createApp()
    const auth = { appId: writer.appId, privateKey: writer.privateKey }
    expect(await check(auth, 'acme')).toMatchObject({ token: { valid: true }, owner: { exists: false }, missing: [expect.stringContaining('not installed on acme')] })
    writer.install('acme')
    expect(await check(auth, 'acme', 'tool')).toMatchObject({ owner: { canCreate: true }, repository: { canPush: true, canAdmin: true }, missing: [] })
  })

  it('knows that an installation\'s own token belongs to nobody', async () => {
    const app = github.createApp()
    app.install('acme')
    const maker = rehearse({ baseUrl: github.url, auth: { appId: app.appId, privateKey: app.privateKey } })
    const { authorization } = await maker.client.gitRemote('acme', 'tool').http.authorization()
    const token = Buffer.from(authorization!.slice(6), 'base64').toString().slice('x-access-token:'.length)
    const report = await check(token, 'acme', 'tool')
    expect(report).toMatchObject({ token: { valid: true, kind: 'app-installation' }, owner: { exists: true, canCreate: undefined } })
    expect(report.token).not.toHaveProperty('login')
  })

  it('passes on that single sign-on is demanded', async () => {
    github.fault({ path: '/user/memberships/orgs/acme', action: { status: 403, body: { message: 'Resource protected by organization SAML enforcement.' }, headers: { 'x-github-sso': 'required; url=https://github.example.com/sso' } } })
    expect(await check(github.token, 'acme')).toMatchObject({ owner: { canCreate: false }, missing: [expect.stringContaining('Configure SSO')] })
  })

  it('fails when GitHub does not answer, rather than to report on it', async () => {
    const fault = github.fault({ path: '/users/acme', times: 9, action: { status: 500 } })
    const { client } = rehearse({ baseUrl: github.url, auth: { token: github.token } })
    expect(await failureOf(client.checkAccess('acme'))).toMatchObject({ code: 'UPSTREAM_ERROR' })
    fault.remove()
  })
})
