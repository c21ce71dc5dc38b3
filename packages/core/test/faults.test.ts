import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MemoryStore, SaddleError, SqliteStore, type MigrationRecord } from '../src/index.ts'
import { setStage, type Stage, type TestEngine } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.close())

let faults: { remove(): void; readonly hits: number }[] = []
beforeEach(() => {
  for (const fault of faults) fault.remove()
  faults = []
})
const fault = (side: 'bitbucket' | 'github', rule: Parameters<Stage['sandbox']['github']['fault']>[0]) => {
  const handle = stage.sandbox[side].fault(rule)
  faults.push(handle)
  return handle
}

/** Runs it to its failure, and returns the error with the record as stored. */
async function failure({ engine }: TestEngine, run: Promise<unknown>): Promise<{ error: SaddleError; record: MigrationRecord }> {
  const error = await run.then(() => undefined, (thrown: unknown) => thrown)
  if (!SaddleError.is(error)) throw new Error(`no SaddleError but ${String(error)}`)
  const record = await engine.get(error.context.migrationId ?? '')
  if (!record) throw new Error('no record')
  return { error, record }
}

describe('creating the repository', () => {
  it('survives the loss of the answer, without a duplicate', async () => {
    const source = await stage.seed()
    const dropped = fault('github', { method: 'POST', path: '/orgs/acme/repos', action: { dropAnswer: true } })
    const { engine } = stage.engine()
    const report = await engine.migrate(source.request)
    expect(dropped.hits).toBe(1)
    expect(report.targetRepository?.created).toBe(true)
    expect(source.targetRefs()).toBe(source.refs())
    expect(stage.sandbox.github.requests.filter(({ method, path }) => method === 'POST' && path.includes('/orgs/acme/repos')).length).toBe(1)
  })

  it('tries again when the server failed before it made anything', async () => {
    const source = await stage.seed()
    fault('github', { method: 'POST', path: '/orgs/acme/repos', action: { status: 502 } })
    expect((await stage.engine().engine.migrate(source.request)).status).toBe('completed')
  })

  it('does not take over what somebody else made at the same moment', async () => {
    const source = await stage.seed()
    fault('github', {
      method: 'POST',
      path: '/orgs/acme/repos',
      action: {
        before: async () => {
          await stage.sandbox.github.createRepository({ owner: 'acme', name: source.slug, description: 'theirs', seed: { commits: 1 } })
        },
      },
    })
    const tested = stage.engine()
    const { error } = await failure(tested, tested.engine.migrate(source.request))
    expect(error.code).toBe('ALREADY_EXISTS')
    expect(stage.sandbox.github.repository('acme', source.slug)?.description).toBe('theirs')
    expect(source.targetRefs()).not.toContain(source.git('rev-parse', 'main'))
  })
})

describe('verification', () => {
  it('fails when the target confirmed what it did not write', async () => {
    const source = await stage.seed({ seed: { commits: 3, branches: 2 } })
    fault('github', { method: 'POST', path: `${source.slug}.git/git-receive-pack`, action: { lie: true } })
    const tested = stage.engine()
    const { error, record } = await failure(tested, tested.engine.migrate(source.request))
    expect(error.code).toBe('VERIFICATION_FAILED')
    expect(error.context.refs).toEqual(['refs/heads/branch-1', 'refs/heads/main'])
    expect(record).toMatchObject({ status: 'failed', error: { code: 'VERIFICATION_FAILED' }, refs: { verified: 0 } })
    // And once it writes, the same migration completes.
    expect((await tested.engine.migrate(source.request)).id).toBe(record.id)
    expect(source.targetRefs()).toBe(source.refs())
  })
})

describe('a refused ref', () => {
  it('fails the migration by name, while the others arrive', async () => {
    const source = await stage.seed({ seed: { commits: 10, branches: 8 } })
    const allow = stage.sandbox.github.rejectRefs({ owner: 'acme', name: source.slug, ref: 'refs/heads/branch-3', reason: 'GH006' })
    const tested = stage.engine()
    const { error, record } = await failure(tested, tested.engine.migrate(source.request))
    allow()
    expect(error.code).toBe('REF_PROTECTED')
    expect(error.context.refs).toEqual(['refs/heads/branch-3'])
    expect(record.status).toBe('failed')
    expect(record.refs).toMatchObject({ created: 7, rejected: [{ ref: 'refs/heads/branch-3', code: 'REF_PROTECTED' }] })
    expect(source.targetRefs().split('\n')).toHaveLength(7)
    expect(error.message).toContain('stays at the target')
    await tested.engine.resume(record.id)
    expect(source.targetRefs()).toBe(source.refs())
  })
})

describe('a pack that does not arrive whole', () => {
  it.each([
    ['ends early', { truncateAfter: 20_000 }],
    ['is reset', { resetAfter: 20_000 }],
  ] as const)('moves no ref when it %s, and is fetched again', async (_, action) => {
    const source = await stage.seed({ seed: { commits: 20, blobSize: 5000 } })
    // The listing and a look for Git LFS are requests to the same address; the pack is the third one.
    const cut = fault('bitbucket', { method: 'POST', path: `${source.slug}.git/git-upload-pack`, skip: 2, action })
    const { engine, events } = stage.engine()
    const report = await engine.migrate(source.request)
    expect(cut.hits).toBe(1)
    expect(source.targetRefs()).toBe(source.refs())
    expect(report.status).toBe('completed')
    expect(events.some((event) => event.type === 'message' && event.text.includes('broke off'))).toBe(true)
  })

  it('fails in the end, with no ref moved, when it never does', async () => {
    const source = await stage.seed({ seed: { commits: 20, blobSize: 5000 } })
    fault('bitbucket', { method: 'POST', path: `${source.slug}.git/git-upload-pack`, times: 100, action: { truncateAfter: 20_000 } })
    const tested = stage.engine()
    const { error, record } = await failure(tested, tested.engine.migrate(source.request))
    expect(record.status).toBe('failed')
    expect(error.message).toContain('stays at the target')
    expect(source.targetRefs()).toBe('')
  })

  it('is repeated when the target lost its connection', async () => {
    const source = await stage.seed({ seed: { commits: 20, blobSize: 5000 } })
    fault('github', { method: 'POST', path: `${source.slug}.git/git-receive-pack`, action: { resetRequestAfter: 30_000 } })
    await stage.engine().engine.migrate(source.request)
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('counts as arrived when only the answer to the push was lost', async () => {
    const source = await stage.seed({ seed: { commits: 5, branches: 2 } })
    fault('github', { method: 'POST', path: `${source.slug}.git/git-receive-pack`, action: { dropAnswer: true } })
    const report = await stage.engine().engine.migrate(source.request)
    expect(report.refs).toMatchObject({ verified: 2 })
    expect(source.targetRefs()).toBe(source.refs())
  })
})

describe('a ref that is refused', () => {
  it.each([
    ['while the push of a process that died may still be moving it, is looked at again', true, 'completed'],
    ['with nothing else under way, is the outcome', false, 'failed'],
  ] as const)('%s', async (_, unsettled, status) => {
    const source = await stage.seed()
    const { engine, store } = stage.engine()
    await engine.migrate(source.request)
    source.commit('main')
    const { id } = await engine.create(source.request)
    await store.appendJournal(id, { key: 'git.push', state: 'intent', at: new Date().toISOString() })
    if (!unsettled) await store.appendJournal(id, { key: 'git.push', state: 'done', at: new Date().toISOString() })
    const accept = stage.sandbox.github.rejectRefs({ name: source.slug, ref: /./, reason: 'failed to update ref' })
    // The refs are listed before the push, and after it was refused.
    fault('github', { path: `${source.slug}.git/info/refs`, skip: 1, action: { before: accept } })
    await engine.run(id).catch(() => undefined)
    expect(await engine.get(id)).toMatchObject({ status, refs: { rejected: unsettled ? [] : [{ ref: 'refs/heads/main', code: 'REF_REJECTED' }] } })
    expect(source.targetRefs() === source.refs()).toBe(unsettled)
  })
})

describe('passing faults', () => {
  it('are outlived, all at once', async () => {
    const source = await stage.seed({ labels: ['l'], description: 'd' })
    const limited = (headers: Record<string, string>) => ({ status: 429, headers, body: { message: 'slow down' } })
    fault('bitbucket', { path: '/rest/', times: 3, action: limited({ 'retry-after': '0' }) })
    fault('bitbucket', { path: '/scm/', times: 2, action: limited({}) })
    fault('github', { path: '/api/v3/', times: 3, action: { status: 503 } })
    fault('github', { path: '/info/refs', times: 2, action: { status: 502 } })
    const { engine, events } = stage.engine()
    expect((await engine.migrate(source.request)).status).toBe('completed')
    expect(events.filter((event) => event.type === 'message' && event.level === 'warning').length).toBeGreaterThan(3)
  })

  it('that last fail once, clearly, and leave nothing', async () => {
    const source = await stage.seed()
    fault('bitbucket', { path: '/rest/', times: 1000, action: { status: 503 } })
    const tested = stage.engine()
    const { error, record } = await failure(tested, tested.engine.migrate(source.request))
    expect(error).toMatchObject({ code: 'UPSTREAM_ERROR', retryable: true, context: { status: 503 } })
    expect(record).toMatchObject({ status: 'failed', steps: expect.arrayContaining([expect.objectContaining({ name: 'preflight', status: 'failed' })]) })
    expect(stage.sandbox.github.repository('acme', source.slug)).toBeUndefined()
  })
})

describe('wrong input', () => {
  it('says that the source does not exist', async () => {
    const tested = stage.engine()
    const request = { source: { project: 'PRJ', repository: 'no-such-thing' }, target: { owner: 'acme' } }
    expect((await failure(tested, tested.engine.migrate(request))).error).toMatchObject({ code: 'NOT_FOUND', context: { source: 'PRJ/no-such-thing' } })
  })

  it('says that the owner does not exist', async () => {
    const source = await stage.seed()
    const tested = stage.engine()
    const { error } = await failure(tested, tested.engine.migrate({ ...source.request, target: { owner: 'nobody-here' } }))
    expect(error.code).toBe('FORBIDDEN')
    expect(error.message).toContain('nobody-here')
  })

  it('refuses a git backend that there is not', async () => {
    const source = await stage.seed()
    await expect(stage.engine().engine.migrate({ ...source.request, options: { git: 'svn' as 'auto' } })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})

describe('cancelling', () => {
  const transferring = ({ engine }: TestEngine) => new Promise<string>((resolve) => {
    engine.on('step-start', ({ step, migrationId }) => step === 'transfer-git' && resolve(migrationId))
  })

  it('stops a run at once, moves no ref, and can be resumed', async () => {
    const source = await stage.seed({ seed: { commits: 5 } })
    const stalled = fault('bitbucket', { method: 'POST', path: `${source.slug}.git/git-upload-pack`, skip: 2, action: { stall: true } })
    const tested = stage.engine()
    const running = failure(tested, tested.engine.migrate(source.request))
    await stalled.fired
    const [{ id } = { id: '' }] = (await tested.engine.history()).items
    const started = performance.now()
    expect(await tested.engine.cancel(id)).toBe(true)
    const { error, record } = await running
    expect(performance.now() - started).toBeLessThan(1000)
    expect(error.code).toBe('ABORTED')
    expect(record.status).toBe('cancelled')
    expect(source.targetRefs()).toBe('')
    expect(await tested.engine.cancel(id)).toBe(false)
    expect((await tested.engine.resume(id)).status).toBe('completed')
    expect(source.targetRefs()).toBe(source.refs())
  })

  it('works by a signal', async () => {
    const source = await stage.seed()
    const tested = stage.engine()
    const controller = new AbortController()
    const running = failure(tested, tested.engine.migrate(source.request, { signal: controller.signal }))
    await transferring(tested)
    controller.abort()
    expect((await running).record.status).toBe('cancelled')
    await expect(tested.engine.migrate(source.request, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('reaches a run in another engine through the store', async () => {
    const source = await stage.seed({ seed: { commits: 5 } })
    const stalled = fault('bitbucket', { method: 'POST', path: `${source.slug}.git/git-upload-pack`, skip: 2, action: { stall: true } })
    const tested = stage.engine({ leaseMs: 300 })
    const running = failure(tested, tested.engine.migrate(source.request))
    await stalled.fired
    const elsewhere = stage.engine({ store: tested.store, leaseMs: 300 }).engine
    const [{ id } = { id: '' }] = (await elsewhere.history()).items
    await expect(elsewhere.migrate(source.request)).rejects.toMatchObject({ code: 'MIGRATION_RUNNING', context: { migrationId: id } })
    expect(await elsewhere.cancel(id)).toBe(true)
    expect((await running).record).toMatchObject({ status: 'cancelled' })
  })

  it('ends a migration that nobody runs, and its followers', async () => {
    const source = await stage.seed()
    const { engine } = stage.engine()
    const { id } = await engine.create(source.request)
    const followed = (async () => {
      const types = []
      for await (const { type } of engine.events(id, { follow: true })) types.push(type)
      return types
    })()
    expect(await engine.cancel(id)).toBe(true)
    expect(await followed).toEqual(['migration-end'])
    expect(await engine.get(id)).toMatchObject({ status: 'cancelled', error: { code: 'ABORTED' } })
  })

  it('ends what runs when the engine is closed', async () => {
    const source = await stage.seed({ seed: { commits: 5 } })
    const stalled = fault('bitbucket', { method: 'POST', path: `${source.slug}.git/git-upload-pack`, skip: 2, action: { stall: true } })
    const tested = stage.engine()
    const running = failure(tested, tested.engine.migrate(source.request))
    await stalled.fired
    await tested.engine.close()
    expect((await running).record.status).toBe('cancelled')
  })
})

describe('two at once', () => {
  it('in one engine, the second is told', async () => {
    const source = await stage.seed()
    const { engine } = stage.engine()
    const [first, second] = await Promise.allSettled([engine.migrate(source.request), engine.migrate(source.request)])
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected'])
    const rejected = [first, second].find(({ status }) => status === 'rejected') as PromiseRejectedResult
    expect(rejected.reason).toMatchObject({ code: 'MIGRATION_RUNNING', retryable: true })
  })

  it('whoever was silent for too long stops, and its late writes are refused', async () => {
    const source = await stage.seed({ seed: { commits: 5 } })
    const stalled = fault('bitbucket', { method: 'POST', path: `${source.slug}.git/git-upload-pack`, skip: 2, action: { stall: true } })
    const slow = stage.engine({ leaseMs: 600 })
    const renew = slow.store.renewLease.bind(slow.store)
    // A process that is suspended renews nothing for a while.
    let suspended = true
    slow.store.renewLease = async (lease, ttl) => (suspended ? true : renew(lease, ttl))
    const running = failure(slow, slow.engine.migrate(source.request))
    await stalled.fired
    const takeover = stage.engine({ store: new Proxy(slow.store, { get: (store, key) => key === 'renewLease' ? renew : bound(store, key) }), leaseMs: 600 })
    const report = await takeover.engine.migrate(source.request)
    expect(report.status).toBe('completed')
    suspended = false
    const { error, record } = await running
    expect(error.code).toBe('LEASE_LOST')
    expect(record.status).toBe('completed')
  })
})

const bound = (store: object, key: string | symbol): unknown => {
  const value: unknown = Reflect.get(store, key, store)
  return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(store) : value
}

describe('a store without room', () => {
  it('fails with what to do, and resumes once there is room', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'saddle-full-'))
    const path = join(folder, 'store.db')
    const source = await stage.seed({ seed: { commits: 3, branches: 40 } })
    const small = await SqliteStore.open({ path, maxBytes: 200_000 })
    const tested = stage.engine({ store: small })
    const filler = { ...source.request, target: { owner: 'acme', name: `filler-${'x'.repeat(60)}` } }
    const fill = async () => {
      for (;;) await tested.engine.create(filler)
    }
    await expect(fill()).rejects.toMatchObject({ code: 'STORE_FULL' })
    await expect(tested.engine.migrate(source.request)).rejects.toMatchObject({ code: 'STORE_FULL', message: expect.stringContaining('Make room') })
    expect(stage.sandbox.github.repository('acme', source.slug)).toBeUndefined()
    await small.close()
    const roomy = await SqliteStore.open({ path })
    expect((await stage.engine({ store: roomy }).engine.migrate(source.request)).status).toBe('completed')
    expect(source.targetRefs()).toBe(source.refs())
    await roomy.close()
    await rm(folder, { recursive: true })
  })

  it('while a run is under way, ends it with the reason; it resumes once there is room', async () => {
    const source = await stage.seed()
    const real = new MemoryStore()
    let isFull = false
    const writes: unknown[] = ['appendEvents', 'appendJournal', 'updateMigration']
    const store = new Proxy(real, {
      get: (target, key) => {
        const method = bound(target, key)
        if (!writes.includes(key)) return method
        const full = () => Promise.reject(new SaddleError('STORE_FULL', 'No room. Make room and resume.'))
        return (...args: unknown[]): unknown => (isFull ? full() : (method as (...args: unknown[]) => unknown)(...args))
      },
    })
    // From the push on, nothing can be stored.
    fault('github', { method: 'POST', path: `${source.slug}.git/git-receive-pack`, action: { before: () => { isFull = true } } })
    const { engine } = stage.engine({ store })
    await expect(engine.migrate(source.request)).rejects.toMatchObject({ code: 'STORE_FULL' })
    isFull = false
    expect((await engine.migrate(source.request)).status).toBe('completed')
    expect(source.targetRefs()).toBe(source.refs())
  })
})
