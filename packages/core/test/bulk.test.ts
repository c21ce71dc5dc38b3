import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BitbucketClient, GitHubClient, MemoryStore, type BulkEvent, type BulkItem, type BulkPlan } from '../src/index.ts'
import { impatient, setStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.close())

const faults: { remove(): void }[] = []
afterEach(() => {
  for (const fault of faults.splice(0)) fault.remove()
})
const fault = (rule: Parameters<Stage['sandbox']['github']['fault']>[0]) => {
  const handle = stage.sandbox.github.fault(rule)
  faults.push(handle)
  return handle
}

let projects = 0
/** A project of its own with repositories of those slugs. */
async function seedProject(...slugs: string[]): Promise<string> {
  const project = `P${++projects}`
  for (const slug of slugs) await stage.sandbox.bitbucket.createRepository({ project, slug, seed: { commits: 2 } })
  return project
}
const slugs = (items: readonly Pick<BulkItem, 'request'>[]) => items.map(({ request }) => request.source.repository)
const target = { owner: 'acme' }
/** The error that it ends with, if it does. */
const outcomeOf = (run: Promise<unknown>) => run.then(() => undefined, (error: unknown) => error)
const sumOf = ({ pending, in_progress, completed, failed, cancelled }: Record<string, number>) =>
  pending! + in_progress! + completed! + failed! + cancelled!

describe('planning', () => {
  const plan = (request: Parameters<Stage['engine']>[0] | object) => stage.engine().engine.bulk.plan(request as never)
  const problems = ({ problems }: BulkPlan) => problems.map(({ severity, code, message }) => `${severity} ${code} ${message}`)

  it('takes a project whole, or what globs and lists leave of it', async () => {
    const project = await seedProject('web-app', 'web-api', 'web-old', 'tools')
    const take = async (source: object) => slugs((await plan({ source: { project, ...source }, target })).items).sort()
    expect(await take({})).toEqual(['tools', 'web-api', 'web-app', 'web-old'])
    expect(await take({ include: ['WEB-*'], exclude: ['*-old'] })).toEqual(['web-api', 'web-app'])
    expect(await take({ include: ['*-{app,api}', 'tools'] })).toEqual(['tools', 'web-api', 'web-app'])
    expect(await take({ repositories: ['tools', 'web-app'], exclude: ['web-*'] })).toEqual(['tools'])
  })

  it('leaves archived repositories out when asked to', async () => {
    const project = await seedProject('live')
    await stage.sandbox.bitbucket.createRepository({ project, slug: 'dead', archived: true })
    expect((await plan({ source: { project }, target })).items).toHaveLength(2)
    expect(slugs((await plan({ source: { project, archived: false }, target })).items)).toEqual(['live'])
  })

  it('names repositories and projects that do not exist, and patterns that match nothing', async () => {
    const project = await seedProject('here')
    const found = await plan({ source: { project, repositories: ['here', 'gone'] }, target })
    expect(slugs(found.items)).toEqual(['here'])
    expect(problems(found)).toEqual([expect.stringMatching(`error NOT_FOUND There is no repository ${project}/gone`)])
    expect(problems(await plan({ source: { project: 'NONE' }, target }))).toEqual([expect.stringMatching(/error NOT_FOUND The project NONE cannot be read/)])
    expect(problems(await plan({ source: { project, include: ['here', 'x*'] }, target }))).toEqual([`warning NOT_FOUND No repository of ${project} matches "x*".`])
    expect(problems(await plan({ source: { project, include: ['x*'] }, target }))).toContain('warning NOT_FOUND No repository of ' + project + ' matches "x*".')
  })

  it('finds duplicates, names that differ by case only, and names that become one', async () => {
    const project = await seedProject('one', 'two', 'three', 'a~b', 'a+b')
    const map = `source,target\n${project}/one,acme/Same\n${project}/two,acme/same\n${project}/three,\n${project.toLowerCase()}/THREE,other\n`
    const found = await plan({ map, target })
    expect(problems(found)).toEqual([
      `error CONFLICT ${project}/three is named 2 times (lines 4, 5). Name it once.`,
      expect.stringMatching(new RegExp(`error CONFLICT ${project}/one and ${project}/two would all become acme/Same and acme/same.*case.*lines 2, 3`)),
    ])
    expect(found.problems[1]).toMatchObject({ sources: [`${project}/one`, `${project}/two`], lines: [2, 3] })
    const translated = await plan({ source: { project, include: ['a?b'] }, target })
    expect(problems(translated)).toEqual([expect.stringMatching(/would all become acme\/a-b\. Give one of them another name/)])
  })

  it('says what is wrong with single lines and requests, all at once', async () => {
    const project = await seedProject('fine')
    const found = await plan({ map: `source,target,visibility\n${project}/fine,,\nnonsense,,\n${project}/fine,acme/x y,\n${project}/fine,z,secret\n`, target })
    expect(problems(found)).toEqual([
      expect.stringMatching(/Line 3: "nonsense" is not a source/),
      expect.stringMatching(/Line 4: .*target\.name/),
      expect.stringMatching(/Line 5: .*target\.visibility/),
    ])
    const list = await plan({ requests: [{ source: { project, repository: 'fine' }, target }, { source: {} }] })
    expect(problems(list)).toEqual([expect.stringMatching(/error INVALID_INPUT Request 2: /)])
  })

  it.each([
    [{}, /exactly one of source, map and requests/],
    [{ source: { project: 'P' }, map: 'source\nP/a\n', target }, /exactly one/],
    [{ source: { project: 'P' } }, /target\.owner/],
    [{ source: { project: 'P', repos: [] }, target }, /Unrecognized key/],
    [{ requests: [] }, /requests/],
  ])('refuses a request that makes no sense: %j', async (request, message) => {
    await expect(plan(request)).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringMatching(message) })
  })

  it('takes the largest first where sizes can be known', async () => {
    const project = await seedProject('small')
    await stage.sandbox.bitbucket.createRepository({ project, slug: 'big', seed: { commits: 3, blobSize: 100_000 } })
    stage.sandbox.bitbucket.createUser({ name: `ada-${project}`, password: 'pw', admin: true })
    const bitbucket = new BitbucketClient({ baseUrl: stage.sandbox.bitbucket.url, auth: { username: `ada-${project}`, password: 'pw' }, retry: impatient })
    const found = await stage.engine({ bitbucket }).engine.bulk.plan({ source: { project }, target })
    await bitbucket.close()
    expect(slugs(found.items)).toEqual(['big', 'small'])
    expect(found.items[0]!.sizeBytes).toBeGreaterThan(found.items[1]!.sizeBytes!)
  })

  describe('on names at the target', () => {
    const requests = (since = 0) => stage.sandbox.github.requests.slice(since).map(({ method, path }) => `${method} ${path.replace('/api/v3', '').replace(/\?.*/, '')}`)
    const orgOf = (login: string, ...names: string[]) => {
      stage.sandbox.github.createOrganization({ login, owners: ['admin'] })
      return Promise.all(names.map((name) => stage.sandbox.github.createRepository({ owner: login, name })))
    }

    it('finds those that are taken, by listing the owner and not by asking for each', async () => {
      const project = await seedProject('a', 'b', 'c', 'd')
      await orgOf('crowded', 'B', 'c-new', 'other')
      const before = stage.sandbox.github.requests.length
      const map = `source,target\n${project}/a,\n${project}/b,\n${project}/c,c-new\n${project}/d,\n`
      const found = await plan({ map, target: { owner: 'Crowded' } })
      expect(problems(found)).toEqual([
        expect.stringMatching(/^error ALREADY_EXISTS Crowded\/b exists already at the target/), expect.stringMatching(/^error ALREADY_EXISTS Crowded\/c-new exists already/),
      ])
      expect(found.problems[1]).toMatchObject({ sources: [`${project}/c`], lines: [4] })
      expect(requests(before)).toEqual(['GET /users/Crowded', 'GET /orgs/Crowded/repos'])
      await expect(stage.engine().engine.migrateAll({ map, target: { owner: 'crowded' } })).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('crowded/b exists already') })
    })

    it('takes no list that is longer than asking would be', async () => {
      const project = await seedProject('zz')
      await orgOf('huge', ...Array.from({ length: 201 }, (_, index) => `r${index}`))
      const before = stage.sandbox.github.requests.length
      expect(problems(await plan({ source: { project }, target: { owner: 'huge' } }))).toEqual([])
      expect(requests(before)).toEqual(['GET /users/huge', 'GET /orgs/huge/repos', 'GET /repos/huge/zz'])
    })

    it('knows what earlier migrations of the same source made', async () => {
      const [project, other] = [await seedProject('mine', 'half'), await seedProject('mine')]
      await orgOf('ours')
      const { engine, store } = stage.engine()
      const refusal = fault({ method: 'POST', path: '/ours/half.git/git-receive-pack', times: 99, action: { status: 403 } })
      expect((await engine.migrateAll({ source: { project }, target: { owner: 'ours' } })).counts).toMatchObject({ completed: 1, failed: 1 })
      refusal.remove()
      expect(problems(await engine.bulk.plan({ source: { project }, target: { owner: 'ours' } }))).toEqual([])
      expect(problems(await engine.bulk.plan({ source: { project: other }, target: { owner: 'ours' } }))).toEqual([expect.stringMatching(/ALREADY_EXISTS ours\/mine/)])
      expect((await stage.engine({ store }).engine.migrateAll({ source: { project }, target: { owner: 'ours' } })).counts).toMatchObject({ completed: 2 })
      expect(problems(await plan({ source: { project }, target: { owner: 'ours' } }))).toEqual([
        expect.stringMatching(/ALREADY_EXISTS ours\/half/), expect.stringMatching(/ALREADY_EXISTS ours\/mine/),
      ])
    })

    it('goes by `existing`: such must be there, and one that the list does not show is looked for', async () => {
      const project = await seedProject('there', 'renamed', 'none', 'blocked')
      fault({ path: '/repos/known/blocked', action: { status: 403 } })
      await orgOf('known', 'there', 'renamed')
      await new GitHubClient({ baseUrl: stage.sandbox.github.url, auth: { token: stage.sandbox.github.token } }).updateRepository('known', 'renamed', { name: 'changed' })
      const found = await plan({ source: { project }, target: { owner: 'known', existing: true } })
      expect(problems(found).sort()).toEqual([
        expect.stringMatching(/^error CONFLICT known\/renamed has another name by now: known\/changed/), expect.stringMatching(/^error NOT_FOUND There is no repository known\/blocked at the target, or the credentials may not see it/),
        expect.stringMatching(/^error NOT_FOUND There is no repository known\/none at the target/),
      ])
    })

    it('lists a user, says when an owner may not be listed, and that there is none', async () => {
      const project = await seedProject('own')
      await stage.sandbox.github.createRepository({ owner: 'admin', name: 'own' })
      expect(problems(await plan({ source: { project }, target: { owner: 'admin' } }))).toEqual([expect.stringMatching(/ALREADY_EXISTS admin\/own/)])
      expect(problems(await plan({ source: { project }, target: { owner: 'nobody-there' } }))).toEqual([expect.stringMatching(/^error NOT_FOUND There is no user or organisation nobody-there/)])
      fault({ path: '/orgs/acme/repos', action: { status: 403 } })
      expect(problems(await plan({ source: { project }, target }))).toEqual([expect.stringMatching(/^warning FORBIDDEN Which names acme has already could not be seen beforehand/)])
    })
  })

  it('writes nothing, and refuses to start what has problems', async () => {
    const project = await seedProject('one')
    const { engine } = stage.engine()
    const before = stage.sandbox.github.requests.length
    await expect(engine.migrateAll({ source: { project, repositories: ['one', 'gone', 'lost'] }, target })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/Nothing was started\..*gone.*lost/),
    })
    expect((await engine.bulk.list()).items).toEqual([])
    expect(stage.sandbox.github.requests.slice(before).filter(({ method }) => method !== 'GET')).toEqual([])
  })
})

describe('running', () => {
  it('moves them all, and its counts always add up', async () => {
    const project = await seedProject('a', 'b', 'c', 'd', 'e')
    const { engine } = stage.engine()
    const bulk = await engine.bulk.create({ source: { project }, target: { ...target, visibility: 'private' } }, { owner: 'me' })
    expect(bulk).toMatchObject({ label: project, status: 'pending', owner: 'me', counts: { total: 5, pending: 5 } })
    const events: BulkEvent[] = []
    const following = (async () => {
      for await (const event of engine.bulk.events(bulk.id, { follow: true, pollMs: 5 })) events.push(event)
    })()
    const report = await engine.bulk.run(bulk.id, { concurrency: 2 })
    await following
    expect(report).toMatchObject({ status: 'completed', counts: { total: 5, completed: 5 } })
    expect(report.items.map(({ status, percentage, verifiedRefs }) => [status, percentage, verifiedRefs])).toEqual(Array(5).fill(['completed', 100, 1]))
    expect(report.work.done).toBe(report.work.total)
    expect(report.bytes).toBeGreaterThan(0)
    const records = (await engine.history({ bulkId: bulk.id })).items
    expect(records.map(({ owner, status }) => [owner, status])).toEqual(Array(5).fill(['me', 'completed']))
    const statuses = events.flatMap((event) => (event.type === 'bulk-status' ? [event.bulk] : []))
    expect(statuses.every(({ counts }) => sumOf({ ...counts }) === counts.total)).toBe(true)
    expect(statuses.at(-1)).toMatchObject({ status: 'completed' })
    const seqs = events.map(({ seq }) => seq)
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
    const ended = new Set(events.flatMap((event) => (event.type === 'bulk-item' && event.item.status === 'completed' ? [event.item.index] : [])))
    expect(ended.size).toBe(5)
  })

  it('never has more under way than it may', async () => {
    const project = await seedProject(...Array.from({ length: 8 }, (_, index) => `r${index}`))
    const tested = stage.engine()
    let running = 0
    let most = 0
    tested.engine.on('migration-start', () => (most = Math.max(most, ++running)))
    tested.engine.on('migration-end', () => running--)
    await tested.engine.migrateAll({ source: { project }, target: { owner: 'admin' } }, { concurrency: 3 })
    expect(most).toBe(3)
  })

  it('goes on past failures, and tries only those again', async () => {
    const project = await seedProject('good-1', 'bad', 'good-2')
    const { engine } = stage.engine()
    const refusal = fault({ method: 'POST', path: '/acme/bad.git/git-receive-pack', times: 99, action: { status: 403 } })
    const failed = await engine.migrateAll({ source: { project }, target })
    expect(failed).toMatchObject({ status: 'failed', counts: { total: 3, completed: 2, failed: 1 } })
    const bad = failed.items.find(({ status }) => status === 'failed')
    expect(bad).toMatchObject({ request: { source: { repository: 'bad' } }, error: { code: 'FORBIDDEN' } })
    refusal.remove()
    const requests = stage.sandbox.github.requests.length
    expect(await engine.bulk.retry(failed.id)).toBe(1)
    expect(await engine.bulk.get(failed.id)).toMatchObject({ status: 'pending', counts: { pending: 1, completed: 2 } })
    const report = await engine.bulk.run(failed.id)
    expect(report).toMatchObject({ status: 'completed', counts: { total: 3, completed: 3 } })
    expect(report.items.find(({ index }) => index === bad!.index)).not.toHaveProperty('error')
    expect(stage.sandbox.github.requests.slice(requests).filter(({ path }) => path.includes('good'))).toEqual([])
    expect(await engine.bulk.retry(failed.id)).toBe(0)
  })

  it('gives the same bulk migration for the same idempotency key, and refuses it for others', async () => {
    const project = await seedProject('key-a', 'key-b')
    const { engine } = stage.engine()
    const first = await engine.bulk.create({ source: { project }, target }, { idempotencyKey: 'k' })
    expect((await engine.bulk.create({ source: { project }, target }, { idempotencyKey: 'k' })).id).toBe(first.id)
    await expect(engine.bulk.create({ source: { project, include: ['key-a'] }, target }, { idempotencyKey: 'k' })).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(engine.bulk.create({ source: { project }, target }, { id: first.id })).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(engine.bulk.run(randomUUID())).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('cancelling', () => {
  it('stops what runs, lets nothing begin, and can be taken back', async () => {
    const project = await seedProject('first', 'second', 'third')
    const { engine } = stage.engine()
    const held = fault({ method: 'POST', path: /\.git\/git-receive-pack/, action: { stall: true } })
    const bulk = await engine.bulk.create({ source: { project }, target: { owner: 'admin' } })
    const running = engine.bulk.run(bulk.id, { concurrency: 1 })
    const ended = outcomeOf(running)
    await held.fired
    expect(await engine.bulk.cancel(bulk.id)).toBe(true)
    expect(await ended).toMatchObject({ code: 'ABORTED' })
    expect(await engine.bulk.report(bulk.id)).toMatchObject({ status: 'cancelled', counts: { total: 3, cancelled: 3, pending: 0, in_progress: 0 } })
    expect(await engine.bulk.cancel(bulk.id)).toBe(false)
    held.remove()
    expect(await engine.bulk.retry(bulk.id)).toBe(3)
    expect(await engine.bulk.run(bulk.id)).toMatchObject({ status: 'completed', counts: { completed: 3 } })
  })

  it('works from another process, and for a run that nobody runs', async () => {
    const project = await seedProject('x', 'y')
    const store = new MemoryStore()
    const runner = stage.engine({ store }).engine
    const other = stage.engine({ store }).engine
    const held = fault({ method: 'POST', path: /\.git\/git-receive-pack/, action: { stall: true } })
    const bulk = await runner.bulk.create({ source: { project }, target: { owner: 'admin' } })
    const ended = outcomeOf(runner.bulk.run(bulk.id, { concurrency: 1, leaseMs: 100 }))
    await held.fired
    await other.bulk.cancel(bulk.id)
    expect(await ended).toMatchObject({ code: 'ABORTED' })
    expect(await other.bulk.get(bulk.id)).toMatchObject({ status: 'cancelled', counts: { cancelled: 2 } })
    const idle = await runner.bulk.create({ source: { project }, target: { owner: 'admin' } })
    await other.bulk.cancel(idle.id)
    expect(await other.bulk.get(idle.id)).toMatchObject({ status: 'cancelled', counts: { cancelled: 2 } })
  })

  it('by signal cancels as well, and by closing the engine', async () => {
    for (const how of ['signal', 'close']) {
      const project = await seedProject(how)
      const { engine, store } = stage.engine()
      const held = fault({ method: 'POST', path: /\.git\/git-receive-pack/, action: { stall: true } })
      const controller = new AbortController()
      const running = engine.migrateAll({ source: { project }, target: { owner: 'admin' } }, { signal: controller.signal, id: how })
      const ended = outcomeOf(running)
      await held.fired
      await (how === 'signal' ? controller.abort() : engine.close())
      expect(await ended).toMatchObject({ code: 'ABORTED' })
      expect(await store.bulks.get(how)).toMatchObject({ status: 'cancelled', counts: { cancelled: 1 } })
    }
  })
})

describe('continuing', () => {
  it('is refused while a living process runs it', async () => {
    const project = await seedProject('only')
    const store = new MemoryStore()
    const { engine } = stage.engine({ store })
    const held = fault({ method: 'POST', path: /\.git\/git-receive-pack/, action: { stall: true } })
    const bulk = await engine.bulk.create({ source: { project }, target: { owner: 'admin' } })
    const ended = outcomeOf(engine.bulk.run(bulk.id, { leaseMs: 60 }))
    await held.fired
    await expect(stage.engine({ store }).engine.bulk.run(bulk.id)).rejects.toMatchObject({ code: 'MIGRATION_RUNNING', message: expect.stringContaining(bulk.id) })
    await engine.bulk.cancel(bulk.id)
    expect(await ended).toMatchObject({ code: 'ABORTED' })
  })

  it('takes up what a dead process left, without touching what is complete', async () => {
    const project = await seedProject('done', 'said-nothing', 'half', 'filed', 'claimed', 'waiting')
    const { engine, store } = stage.engine()
    const bulk = await engine.bulk.create({ source: { project }, target })
    const items = new Map<string, BulkItem>()
    for await (const item of engine.bulk.items(bulk.id)) items.set(item.request.source.repository, item)
    const claim = async (slug: string) => {
      const startedAt = new Date().toISOString()
      await store.bulks.updateItem(bulk.id, items.get(slug)!.index, { status: 'in_progress', attempts: 1, startedAt })
    }
    const create = (slug: string) => engine.create(items.get(slug)!.request, { id: items.get(slug)!.migrationId, bulkId: bulk.id })
    for (const slug of ['done', 'said-nothing', 'half', 'filed', 'claimed']) await claim(slug)
    for (const slug of ['done', 'said-nothing', 'half', 'filed']) await create(slug)
    await engine.run(items.get('done')!.migrationId)
    // One that failed, with nobody left to say so in the bulk migration: its outcome stands.
    const refusal = fault({ method: 'POST', path: '/said-nothing.git/git-receive-pack', action: { status: 403 } })
    await expect(engine.run(items.get('said-nothing')!.migrationId)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    refusal.remove()
    await store.updateMigration(items.get('half')!.migrationId, { status: 'in_progress', startedAt: new Date().toISOString() })
    const requests = stage.sandbox.github.requests.length
    const report = await stage.engine({ store }).engine.bulk.run(bulk.id)
    const outcome = Object.fromEntries(report.items.map(({ request, status, attempts }) => [request.source.repository, [status, attempts]]))
    expect(outcome).toEqual({
      done: ['completed', 1], 'said-nothing': ['failed', 1], half: ['completed', 2], filed: ['completed', 2], claimed: ['completed', 2], waiting: ['completed', 1],
    })
    expect(report.counts).toMatchObject({ total: 6, completed: 5, failed: 1 })
    expect(stage.sandbox.github.requests.slice(requests).filter(({ path }) => /done|said-nothing/.test(path))).toEqual([])
  })
})
