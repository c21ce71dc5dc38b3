import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { durationMs, emptySnapshot, GitHubClient, reduce, type InventoryRow, type MigrationRecord } from '../src/index.ts'
import { git, setStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.close())

const rest = (stage: Stage) => [...stage.sandbox.bitbucket.requests, ...stage.sandbox.github.requests].filter(({ path }) => !/\.git\//.test(path))
const overGit = (stage: Stage) => [...stage.sandbox.bitbucket.requests, ...stage.sandbox.github.requests].filter(({ path }) => /\.git\//.test(path))
const clear = (stage: Stage) => {
  stage.sandbox.bitbucket.clearRequests()
  stage.sandbox.github.clearRequests()
}

describe('a first migration', () => {
  it('brings branches, tags, notes and settings over, hash for hash', async () => {
    const source = await stage.seed({
      description: 'Widgets,\nof all kinds',
      labels: ['widgets', 'c-sharp'],
      defaultBranch: 'trunk',
      seed: { commits: 20, branches: 4, tags: 4, notes: true },
    })
    const { engine, events } = stage.engine()
    const report = await engine.migrate(source.request)

    expect(source.targetRefs()).toBe(source.refs())
    stage.targetGit(source.slug, 'fsck', '--full', '--strict')
    expect(stage.sandbox.github.repository('acme', source.slug)).toMatchObject({
      description: 'Widgets, of all kinds', visibility: 'private', archived: false, topics: ['widgets', 'c-sharp'],
    })
    expect(stage.targetGit(source.slug, 'symbolic-ref', 'HEAD')).toBe('refs/heads/trunk')
    const count = source.refs().split('\n').length
    expect(report).toMatchObject({
      status: 'completed',
      refs: { verified: count, created: count, updated: 0, unchanged: 0, deleted: 0, rejected: [] },
      targetRepository: { created: true },
      gitBackend: { name: 'relay' },
      losses: [],
    })
    expect(report.transferred.objects).toBe(Number(stage.targetGit(source.slug, 'rev-list', '--objects', '--all', '--count')))
    expect(report.steps.map(({ status }) => status)).toEqual(Array(7).fill('done'))
    expect(durationMs(report)).toBeGreaterThan(0)
    expect(events.at(-1)).toMatchObject({ type: 'migration-end', status: 'completed' })
  })

  it('is what a plain clone of the target sees', async () => {
    const source = await stage.seed({ seed: { commits: 5, branches: 3, tags: 2 } })
    await stage.engine().engine.migrate(source.request)
    const folder = await mkdtemp(join(tmpdir(), 'saddle-clone-'))
    const url = new URL(`${stage.sandbox.github.webUrl}/acme/${source.slug}.git`)
    const header = `Authorization: Basic ${Buffer.from(`x:${stage.sandbox.github.token}`).toString('base64')}`
    const environment = { ...process.env, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'http.extraHeader', GIT_CONFIG_VALUE_0: header }
    // Not the synchronous form: the server that is cloned from lives in this process.
    await promisify(execFile)('git', ['clone', '--quiet', '--mirror', url.href, folder], { env: environment })
    expect(git(folder, 'for-each-ref', '--format=%(objectname) %(refname)')).toBe(source.refs())
    git(folder, 'fsck', '--full', '--strict')
    await rm(folder, { recursive: true })
  })

  it('tells what happens in one gapless series of events, which the store has as well', async () => {
    const source = await stage.seed()
    const { engine, store, events } = stage.engine()
    const { id } = await engine.migrate(source.request)
    const stored = []
    for await (const event of engine.events(id)) stored.push(event)
    expect(stored).toEqual(events)
    expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1))
    expect(JSON.parse(JSON.stringify(stored))).toEqual(stored)
    const kinds = stored.map(({ type }) => type)
    expect(kinds[0]).toBe('migration-start')
    expect(kinds.filter((kind) => kind === 'step-start')).toHaveLength(7)
    expect(kinds.filter((kind) => kind === 'step-end')).toHaveLength(7)
    expect(kinds).toContain('transfer')
    const percentages: number[] = []
    stored.reduce((snapshot, event) => {
      const next = reduce(snapshot, event)
      percentages.push(next.percentage)
      return next
    }, emptySnapshot())
    expect(percentages).toEqual([...percentages].sort((a, b) => a - b))
    expect(percentages.at(-1)).toBe(100)
    expect((await store.getMigration(id))?.progress).toMatchObject({ percentage: 100 })
  })

  it('takes another name, visibility and description', async () => {
    const source = await stage.seed({ description: 'old' })
    const request = { ...source.request, target: { owner: 'acme', name: 'Re.named', visibility: 'public' as const, description: 'new' } }
    await stage.engine().engine.migrate(request)
    expect(stage.sandbox.github.repository('acme', 'Re.named')).toMatchObject({ visibility: 'public', description: 'new' })
  })

  it('translates a slug that the target does not allow, and labels that are no topics', async () => {
    const source = await stage.seed({ slug: 'we_ird☕name', labels: ['C# & Java', '☕', 'ok'], seed: { commits: 1 } })
    const report = await stage.engine().engine.migrate(source.request)
    expect(report.request.target.name).toBe('we_ird-name')
    expect(stage.sandbox.github.repository('acme', 'we_ird-name')).toMatchObject({ topics: expect.arrayContaining(['ok']) })
    expect(report.losses.filter(({ kind }) => kind === 'topic').map(({ subject }) => subject).sort()).toEqual(['C# & Java', '☕'])
  })

  it('archives what is archived, last', async () => {
    const source = await stage.seed({ archived: true, description: 'done with' })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    expect(stage.sandbox.github.repository('acme', source.slug)).toMatchObject({ archived: true, description: 'done with' })
    expect(source.targetRefs()).toBe(source.refs())
    expect((await engine.migrate(source.request)).status).toBe('completed')
  })

  it('moves an empty repository', async () => {
    const source = await stage.seed({ seed: { empty: true } })
    const report = await stage.engine().engine.migrate(source.request)
    expect(report).toMatchObject({ status: 'completed', refs: { verified: 0 } })
    expect(stage.sandbox.github.repository('acme', source.slug)).toBeDefined()
    expect(source.targetRefs()).toBe('')
  })

  it('says so when the default branch does not exist', async () => {
    const source = await stage.seed({ seed: { commits: 2, branches: 2 } })
    source.git('symbolic-ref', 'HEAD', 'refs/heads/gone')
    const report = await stage.engine().engine.migrate(source.request)
    expect(report.losses).toContainEqual(expect.objectContaining({ kind: 'default-branch', subject: 'refs/heads/gone' }))
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('moves refs with any name that git allows', async () => {
    const source = await stage.seed({ seed: { commits: 1 } })
    const names = [
      '-x', '__proto__', 'constructor', '$(id)', '`id`', '<script>alert(1)</script>', 'a\u202eb', '☕/🌭', '%0d%0a', 'a;b|c&d', "quo'te\"s",
      'é'.repeat(100), 'HEAD', 'refs/heads/nested', 'toString',
    ]
    const oid = source.git('rev-parse', 'main')
    for (const name of names) source.git('update-ref', `refs/heads/${name}`, oid)
    // And one that is not even UTF-8.
    const latin1 = Buffer.from(`create refs/heads/caf\xe9 ${oid}\n`, 'latin1')
    execFileSync('git', ['-C', source.path, 'update-ref', '--stdin'], { input: latin1 })
    const report = await stage.engine().engine.migrate(source.request)
    expect(source.targetRefs()).toBe(source.refs())
    expect(execFileSync('git', ['-C', stage.sandbox.github.repositoryPath('acme', source.slug), 'for-each-ref'], { encoding: 'latin1' })).toContain('caf\xe9')
    expect(report.refs?.verified).toBe(names.length + 2)
  })

  it('lists refs outside the namespaces and pull requests as losses', async () => {
    const source = await stage.seed({ seed: { commits: 4, branches: 2 } })
    await stage.sandbox.bitbucket.createPullRequest({ project: 'PRJ', slug: source.slug, title: 'A change', from: 'branch-1', to: 'main' })
    source.git('update-ref', 'refs/builds/1', 'main')
    const report = await stage.engine().engine.migrate(source.request)
    expect(report.losses).toHaveLength(2)
    expect(report.losses).toContainEqual(expect.objectContaining({ kind: 'pull-requests', count: 1 }))
    expect(report.losses).toContainEqual(expect.objectContaining({ kind: 'ref-namespace', subject: 'refs/builds/', count: 1 }))
    expect(stage.targetGit(source.slug, 'for-each-ref', 'refs/builds', 'refs/pull-requests')).toBe('')
  })

  it('moves other namespaces when asked to', async () => {
    const source = await stage.seed({ seed: { commits: 2, tags: 2 } })
    source.git('update-ref', 'refs/builds/1', 'main')
    await stage.engine().engine.migrate({ ...source.request, options: { namespaces: ['refs/heads/', 'refs/builds/'] } })
    expect(stage.targetGit(source.slug, 'rev-parse', 'refs/builds/1')).toBe(source.git('rev-parse', 'main'))
    expect(stage.targetGit(source.slug, 'tag')).toBe('')
  })

  it('lists forks and public access as losses', async () => {
    const origin = await stage.seed({ public: true })
    const fork = await stage.seed({ forkOf: { project: 'PRJ', slug: origin.slug } })
    expect((await stage.engine().engine.migrate(origin.request)).losses).toContainEqual(expect.objectContaining({ kind: 'visibility' }))
    expect((await stage.engine().engine.migrate(fork.request)).losses).toContainEqual(
      expect.objectContaining({ kind: 'fork', subject: `PRJ/${origin.slug}` }),
    )
  })

  it('leaves settings alone when asked to, but not the marker', async () => {
    const source = await stage.seed({ description: 'words', labels: ['label'], archived: true })
    await stage.engine().engine.migrate({ ...source.request, options: { settings: false } })
    expect(stage.sandbox.github.repository('acme', source.slug)).toMatchObject({ topics: [], archived: false })
    expect(stage.sandbox.github.repository('acme', source.slug)?.description ?? '').toBe('')
  })
})

describe('a second migration', () => {
  it('costs three REST requests and two of git when there is nothing to do', async () => {
    const source = await stage.seed({ description: 'words', labels: ['label'] })
    const { engine } = stage.engine()
    const first = await engine.migrate(source.request)
    clear(stage)
    const second = await engine.migrate(source.request)
    expect(rest(stage).map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toHaveLength(3)
    expect(overGit(stage)).toHaveLength(2)
    expect(second.id).not.toBe(first.id)
    const { created, unchanged, verified } = second.refs ?? {}
    expect({ created, unchanged, verified }).toEqual({ created: 0, unchanged: 1, verified: 1 })
    expect(second.losses).toEqual(first.losses)
    expect(second.steps.every(({ status }) => status === 'done')).toBe(true)
  })

  it('is known as one whatever the case of the names, which is all the same to Bitbucket', async () => {
    const source = await stage.seed()
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    const again = { ...source.request, source: { project: 'prj', repository: source.slug.toUpperCase() } }
    expect(await engine.migrate(again)).toMatchObject({ status: 'completed', refs: { created: 0, unchanged: 1 } })
  })

  it('sends only what is new', async () => {
    const source = await stage.seed({ seed: { commits: 30, blobSize: 5000 } })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    const commit = source.commit('main')
    source.git('update-ref', 'refs/heads/new', commit)
    const report = await engine.migrate(source.request)
    expect(report.transferred).toMatchObject({ objects: 1 })
    expect(report.refs).toMatchObject({ created: 1, updated: 1, unchanged: 0, verified: 2 })
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('takes over changed settings, and keeps topics that the target was given', async () => {
    const source = await stage.seed({ description: 'before', labels: ['one'] })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    stage.sandbox.bitbucket.updateRepository('PRJ', source.slug, { description: 'after', labels: ['one', 'two'], archived: true })
    await engine.migrate(source.request)
    expect(stage.sandbox.github.repository('acme', source.slug)).toMatchObject({ description: 'after', topics: ['one', 'two'], archived: true })
    stage.sandbox.bitbucket.updateRepository('PRJ', source.slug, { archived: false })
    source.commit('main')
    await engine.migrate(source.request)
    expect(stage.sandbox.github.repository('acme', source.slug)).toMatchObject({ archived: false })
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('works from an engine that shares only the store', async () => {
    const source = await stage.seed()
    const { engine, store } = stage.engine()
    await engine.migrate(source.request)
    source.commit('main')
    expect((await stage.engine({ store }).engine.migrate(source.request)).status).toBe('completed')
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('asks what the credentials may do when the target is not where it was', async () => {
    const source = await stage.seed()
    const { engine, store } = stage.engine()
    await engine.migrate(source.request)
    const { webUrl, token } = stage.sandbox.github
    // The base of pages in place of that of the REST API, where everything is 404.
    const github = new GitHubClient({ baseUrl: webUrl, auth: { token } })
    await expect(stage.engine({ store, github }).engine.plan(source.request)).rejects.toMatchObject({
      code: 'NOT_FOUND', message: expect.stringContaining('has no REST API of GitHub at this address') as string,
    })
    await github.close()
  })

  it('clears away what a transfer in several pushes left', async () => {
    const source = await stage.seed({ seed: { commits: 4 } })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    stage.targetGit(source.slug, 'update-ref', 'refs/heads/saddle-step/1', 'main~1')
    source.commit('main')
    await engine.migrate(source.request)
    expect(source.targetRefs()).toBe(source.refs())
    stage.targetGit(source.slug, 'update-ref', 'refs/heads/saddle-step/1', 'main~1')
    const report = await engine.migrate({ ...source.request, options: { prune: true } })
    expect(report.refs).toMatchObject({ deleted: 0, unchanged: 1 })
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('deletes refs only with prune', async () => {
    const source = await stage.seed({ seed: { commits: 6, branches: 3, tags: 2 } })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    source.git('update-ref', '-d', 'refs/heads/branch-1')
    source.git('update-ref', '-d', 'refs/tags/v1')
    await engine.migrate(source.request)
    expect(stage.targetGit(source.slug, 'branch', '--list', 'branch-1')).toContain('branch-1')
    const report = await engine.migrate({ ...source.request, options: { prune: true } })
    expect(report.refs).toMatchObject({ deleted: 2 })
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('follows a default branch that was renamed, and prunes the old one', async () => {
    const source = await stage.seed({ seed: { commits: 3, branches: 2 }, defaultBranch: 'master' })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    source.git('update-ref', 'refs/heads/main', source.git('rev-parse', 'master'))
    source.git('symbolic-ref', 'HEAD', 'refs/heads/main')
    source.git('update-ref', '-d', 'refs/heads/master')
    await engine.migrate({ ...source.request, options: { prune: true } })
    expect(source.targetRefs()).toBe(source.refs())
    expect(stage.targetGit(source.slug, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
  })
})

describe('diverged refs', () => {
  async function diverged(): Promise<{ source: Awaited<ReturnType<Stage['seed']>>; engine: ReturnType<Stage['engine']>['engine']; theirs: string }> {
    const source = await stage.seed({ seed: { commits: 5, branches: 2 } })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    const parent = stage.targetGit(source.slug, 'rev-parse', 'main')
    const theirs = stage.targetGit(source.slug, 'commit-tree', '-p', parent, '-m', 'only here', `${parent}^{tree}`)
    stage.targetGit(source.slug, 'update-ref', 'refs/heads/main', theirs)
    source.commit('main', 'only there')
    source.commit('branch-1', 'ahead')
    return { source, engine, theirs }
  }

  it('are refused by name, before anything is sent', async () => {
    const { source, engine, theirs } = await diverged()
    const before = stage.targetGit(source.slug, 'rev-parse', 'branch-1')
    await expect(engine.migrate(source.request)).rejects.toMatchObject({
      code: 'REF_DIVERGED',
      message: expect.stringMatching(/refs\/heads\/main.*--force/),
      context: { refs: ['refs/heads/main'], migrationId: expect.any(String) },
    })
    expect(stage.targetGit(source.slug, 'rev-parse', 'main')).toBe(theirs)
    expect(stage.targetGit(source.slug, 'rev-parse', 'branch-1')).toBe(before)
  })

  it('are overwritten with force, by the same migration, which says so', async () => {
    const { source, engine } = await diverged()
    const failed = (await engine.migrate(source.request).catch((error) => error)).context.migrationId
    const report = await engine.migrate({ ...source.request, options: { force: true } })
    expect(report.id).toBe(failed)
    expect(report.error).toBeUndefined()
    expect(source.targetRefs()).toBe(source.refs())
    const texts: string[] = []
    for await (const event of engine.events(report.id)) if (event.type === 'message') texts.push(event.text)
    expect(texts).toContainEqual(expect.stringContaining('refs/heads/main'))
  })
})

describe('a target that exists', () => {
  it('is not touched unless it is meant', async () => {
    const source = await stage.seed()
    await stage.sandbox.github.createRepository({ owner: 'acme', name: source.slug, description: 'mine', seed: { commits: 1 } })
    clear(stage)
    await expect(stage.engine().engine.migrate(source.request)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining('--existing'),
    })
    expect(rest(stage).filter(({ method }) => method !== 'GET')).toEqual([])
    // The source's refs are listed while REST is still asked.
    expect(overGit(stage).filter(({ path }) => !/^\/scm\/.*\/git-upload-pack$/.test(path))).toEqual([])
  })

  it('gets what it lacks when it is meant, and keeps what it has besides', async () => {
    const source = await stage.seed({ seed: { commits: 3, branches: 2 } })
    await stage.sandbox.github.createRepository({ owner: 'acme', name: source.slug, description: 'mine', seed: { empty: true } })
    const { engine } = stage.engine()
    const request = { ...source.request, target: { ...source.request.target, existing: true }, options: { settings: false } }
    const report = await engine.migrate(request)
    expect(report.targetRepository?.created).toBe(false)
    expect(source.targetRefs()).toBe(source.refs())
    expect(stage.sandbox.github.repository('acme', source.slug)?.description).toBe('mine')
  })

  it('must exist when it is said to', async () => {
    const source = await stage.seed()
    const request = { ...source.request, target: { owner: 'acme', existing: true } }
    await expect(stage.engine().engine.migrate(request)).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('--existing') })
  })

  it('of another source that has the same name is not taken for ours', async () => {
    const { engine } = stage.engine()
    const first = await stage.seed({ project: 'ONE', slug: 'same' })
    const second = await stage.seed({ project: 'TWO', slug: 'same' })
    await engine.migrate(first.request)
    await expect(engine.migrate(second.request)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  })
})

describe('a plan', () => {
  it('tells what would happen and writes nothing', async () => {
    const source = await stage.seed({ description: 'd', labels: ['l'], seed: { commits: 3, branches: 2, tags: 2 } })
    const { engine, store } = stage.engine()
    clear(stage)
    const plan = await engine.plan(source.request)
    expect(plan.refs.create).toEqual(['refs/heads/main', 'refs/heads/branch-1', 'refs/tags/v1', 'refs/tags/v2'])
    expect(plan.target).toEqual({ name: `acme/${source.slug}`, exists: false, created: false })
    expect(plan.source).toMatchObject({ defaultBranch: 'main', labels: ['l'], archived: false })
    expect(plan.problems).toEqual([])
    expect(plan.steps.find(({ name }) => name === 'prepare-target')?.actions).toEqual([`Create the private repository acme/${source.slug}`])
    expect(plan.steps.find(({ name }) => name === 'transfer-git')?.actions).toEqual(['Create 4 refs'])
    // Reading over git takes POST as well; its path says which it is.
    const writes = [...rest(stage), ...overGit(stage)].filter(({ method, path }) => method !== 'GET' && !/\/(git-upload-pack|info\/lfs\/objects\/batch)$/.test(path))
    expect(writes).toEqual([])
    expect(stage.sandbox.github.repository('acme', source.slug)).toBeUndefined()
    expect((await store.listMigrations({})).items).toEqual([])
    expect(await engine.migrate(source.request)).toMatchObject({ losses: plan.losses })
    const after = await engine.plan(source.request)
    expect(after.target).toMatchObject({ exists: true, created: true })
    expect(after.refs).toMatchObject({ create: [], unchanged: plan.refs.create })
  })

  it('names what is in the way', async () => {
    const source = await stage.seed()
    await stage.sandbox.github.createRepository({ owner: 'acme', name: source.slug, seed: { commits: 1 } })
    const { engine } = stage.engine()
    expect((await engine.plan(source.request)).problems).toEqual([expect.objectContaining({ severity: 'error', code: 'ALREADY_EXISTS' })])
    const existing = { ...source.request, target: { owner: 'acme', existing: true } }
    const plan = await engine.plan(existing)
    expect(plan.refs.diverged).toEqual(['refs/heads/main'])
    expect(plan.problems).toEqual([expect.objectContaining({ severity: 'error', code: 'REF_DIVERGED', refs: ['refs/heads/main'] })])
  })
})

describe('verify', () => {
  it('compares ref by ref', async () => {
    const source = await stage.seed({ description: 'd', seed: { commits: 4, branches: 3 } })
    const { engine } = stage.engine()
    await engine.migrate(source.request)
    expect(await engine.verify(source.request)).toEqual({ equal: true, source: 3, target: 3, missing: [], different: [], extra: [], settings: [] })
    source.commit('main')
    source.git('update-ref', 'refs/heads/new', 'main')
    stage.targetGit(source.slug, 'update-ref', 'refs/heads/other', 'branch-1')
    stage.sandbox.github.updateRepository('acme', source.slug, { description: 'changed' })
    expect(await engine.verify(source.request)).toEqual({
      equal: false, source: 4, target: 4, missing: ['refs/heads/new'], different: ['refs/heads/main'], extra: ['refs/heads/other'],
      settings: [{ name: 'description', source: 'd', target: 'changed' }],
    })
  })

  it('needs a target', async () => {
    const source = await stage.seed()
    await expect(stage.engine().engine.verify(source.request)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('records', () => {
  it('are listed, newest first', async () => {
    const { engine } = stage.engine()
    const [one, two] = [await stage.seed(), await stage.seed()]
    const first = await engine.migrate(one.request)
    const second = await engine.migrate(two.request)
    const ids = (items: MigrationRecord[]) => items.map(({ id }) => id)
    expect(ids((await engine.history()).items)).toEqual([second.id, first.id])
    expect(ids((await engine.history({ target: `acme/${one.slug}` })).items)).toEqual([first.id])
    expect(await engine.get(first.id)).toEqual(first)
  })

  it('are the same for the same idempotency key', async () => {
    const source = await stage.seed()
    const { engine } = stage.engine()
    const one = await engine.create(source.request, { owner: 'me', idempotencyKey: 'k' })
    expect(await engine.create(source.request, { owner: 'me', idempotencyKey: 'k' })).toEqual(one)
    const other = { ...source.request, options: { force: true } }
    await expect(engine.create(other, { owner: 'me', idempotencyKey: 'k' })).rejects.toMatchObject({ code: 'CONFLICT' })
    expect((await engine.run(one.id)).status).toBe('completed')
    expect((await engine.run(one.id)).status).toBe('completed')
  })

  it('refuse what makes no sense', async () => {
    const { engine } = stage.engine()
    const bad = { source: { project: '../x', repository: 'a' }, target: { owner: 'acme', name: 'a/b' }, options: { forse: true } }
    await expect(engine.migrate(bad as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT', message: expect.stringMatching(/source\.project.*target\.name.*forse/s),
    })
    await expect(engine.run('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('the inventory', () => {
  it('lists repositories with what would become of them', async () => {
    const origin = await stage.seed({
      project: 'INV', slug: 'one-two', description: 'd', labels: ['A b'], seed: { commits: 3, branches: 2, tags: 1 },
    })
    await stage.seed({ project: 'INV', slug: 'one☕two', seed: { empty: true }, archived: true })
    await stage.seed({ project: 'INV', slug: 'fork', forkOf: { project: 'INV', slug: 'one-two' } })
    const rows: InventoryRow[] = []
    for await (const row of stage.engine().engine.inventory({ projects: ['INV'] })) rows.push(row)
    const by = (slug: string) => rows.find(({ repository }) => repository === slug)
    expect(rows).toHaveLength(3)
    expect(by('one-two')).toMatchObject({
      project: 'INV', branches: 2, tags: 1, defaultBranch: 'main', archived: false, description: 'd',
      lastCommit: new Date(Number(origin.git('log', '-1', '--format=%ct', 'main')) * 1000).toISOString(),
      losses: expect.arrayContaining([expect.objectContaining({ kind: 'topic', subject: 'A b' })]),
    })
    // Whichever comes second has its name taken.
    expect(rows.filter(({ proposedName }) => proposedName === 'one-two').map(({ nameTakenBy }) => nameTakenBy !== undefined)).toEqual([false, true])
    expect(by('one☕two')).toMatchObject({ branches: 0, tags: 0, archived: true })
    expect(by('one☕two')).not.toHaveProperty('lastCommit')
    expect(by('one☕two')).not.toHaveProperty('defaultBranch')
    expect(by('fork')).toMatchObject({ forkOf: 'INV/one-two', branches: 2 })
    expect(rows.every(({ error }) => error === undefined)).toBe(true)
  })

  it('goes on after a repository that cannot be read', async () => {
    const broken = await stage.seed({ project: 'BAD', slug: 'broken' })
    await stage.seed({ project: 'BAD', slug: 'fine' })
    stage.sandbox.bitbucket.fault({ path: `/scm/bad/${broken.slug}.git`, times: 100, action: { status: 403 } })
    const rows: InventoryRow[] = []
    for await (const row of stage.engine().engine.inventory({ projects: ['BAD'] })) rows.push(row)
    expect(rows.map(({ repository, error }) => [repository, error?.code])).toEqual([['broken', 'FORBIDDEN'], ['fine', undefined]])
  })
})
