import { describe, expect, it } from 'vitest'
import { BitbucketClient, GitHubClient } from '../src/index.ts'
import { impatient, setStage } from './stage.ts'

describe('servers of other kinds', () => {
  it('an old Bitbucket below a context path, which speaks version 0 of git only', async () => {
    await using stage = await setStage({ bitbucket: { protocol: 0, contextPath: '/bitbucket', version: '5.8.0' } })
    const source = await stage.seed({ seed: { commits: 8, branches: 3, tags: 2, notes: true } })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    expect(source.targetRefs()).toBe(source.refs())
    for (const server of [stage.sandbox.bitbucket, stage.sandbox.github]) server.clearRequests()
    await engine.migrate(source.request)
    const requests = [...stage.sandbox.bitbucket.requests, ...stage.sandbox.github.requests]
    expect(requests.filter(({ path }) => path.includes('.git/'))).toHaveLength(2)
    expect(requests.filter(({ path }) => !path.includes('.git/')).length).toBeLessThanOrEqual(3)
    const theirs = stage.targetGit(source.slug, 'commit-tree', '-p', 'main', '-m', 'theirs', 'main^{tree}')
    stage.targetGit(source.slug, 'update-ref', 'refs/heads/main', theirs)
    source.commit('main', 'ours')
    await expect(engine.migrate(source.request)).rejects.toMatchObject({ code: 'REF_DIVERGED', context: { refs: ['refs/heads/main'] } })
  })

  it('a personal project, read with a repository token, to a user account', async () => {
    await using stage = await setStage()
    const { bitbucket: from, github: to } = stage.sandbox
    from.createUser({ name: 'ada', password: 'correct horse' })
    const source = await stage.seed({ project: '~ada', slug: 'own' })
    to.createUser({ login: 'ada' })
    const bitbucket = new BitbucketClient({ baseUrl: from.url, auth: { token: from.createToken({ project: '~ada', repository: 'own' }, 'READ') }, retry: impatient })
    const github = new GitHubClient({ baseUrl: to.url, gitUrl: to.webUrl, auth: { token: to.createToken({ user: 'ada', scopes: ['repo'] }) }, retry: impatient })
    const { engine } = stage.engine({ bitbucket, github })
    const report = await engine.migrate({ source: { project: '~ada', repository: 'own' }, target: { owner: 'ada' } })
    expect(report.status).toBe('completed')
    expect(to.repository('ada', 'own')).toBeDefined()
    await Promise.all([bitbucket.close(), github.close()])
    expect(source.git('rev-parse', 'main')).toMatch(/^[0-9a-f]{40}$/)
  })

  it('a GitHub App', async () => {
    await using stage = await setStage()
    const { github: to } = stage.sandbox
    const app = to.createApp()
    app.install('acme')
    const github = new GitHubClient({ baseUrl: to.url, gitUrl: to.webUrl, auth: { appId: app.appId, privateKey: app.privateKey }, retry: impatient })
    const source = await stage.seed({ description: 'd', labels: ['l'] })
    const { engine } = stage.engine({ github })
    expect((await engine.migrate(source.request)).status).toBe('completed')
    expect((await engine.migrate(source.request)).status).toBe('completed')
    expect(source.targetRefs()).toBe(source.refs())
    await github.close()
  })

  it('refuses repositories that name their objects otherwise', async () => {
    await using stage = await setStage()
    const source = await stage.seed({ objectFormat: 'sha256' })
    await expect(stage.engine().engine.migrate(source.request)).rejects.toMatchObject({ code: 'OBJECT_FORMAT_MISMATCH' })
    expect(stage.sandbox.github.repository('acme', source.slug)).toBeUndefined()
  })

  it('is told when the token may not create repositories, before anything is made', async () => {
    await using stage = await setStage()
    const { github: to } = stage.sandbox
    to.createUser({ login: 'guest' })
    const source = await stage.seed()
    for (const [token, code] of [[to.createToken({ user: 'guest', scopes: ['repo', 'read:org'] }), 'FORBIDDEN'], ['ghp_wrongwrongwrongwrong', 'AUTHENTICATION_FAILED']] as const) {
      const github = new GitHubClient({ baseUrl: to.url, gitUrl: to.webUrl, auth: { token }, retry: impatient })
      to.clearRequests()
      await expect(stage.engine({ github }).engine.migrate(source.request)).rejects.toMatchObject({ code })
      expect(to.requests.filter(({ method }) => method !== 'GET')).toEqual([])
      await github.close()
    }
  })
})
