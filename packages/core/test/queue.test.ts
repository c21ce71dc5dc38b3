import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enqueueBulk, MemoryQueue, MemoryStore, migrationHandler, SaddleError } from '../src/index.ts'
import { eventually } from '../src/test-functions.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.close())

const target = { owner: 'acme' }
let projects = 0
async function seedProject(count: number): Promise<string> {
  const project = `Q${++projects}`
  for (let index = 0; index < count; index++) await stage.seed({ project, slug: `q${projects}-${index}` })
  return project
}

/** A store, a queue and as many workers as wanted, each with an engine of its own. */
function cluster() {
  const store = new MemoryStore()
  const queue = new MemoryQueue()
  const errors: unknown[] = []
  const { engine } = stage.engine({ store })
  const work = (engineFor?: () => Promise<typeof engine>) =>
    queue.process(migrationHandler({ store, engineFor: engineFor ?? (async () => stage.engine({ store, leaseMs: 300 }).engine) }), {
      concurrency: 2,
      onError: (error) => errors.push(error),
    })
  const ended = (bulkId: string) => eventually(async () => ((await store.bulks.get(bulkId))?.endedAt ? true : undefined), 30_000)
  return { store, queue, engine, errors, work, ended }
}

describe('workers', () => {
  it('do the repositories of a bulk migration between them, and end it', async () => {
    const project = await seedProject(6)
    const { store, queue, engine, work, ended } = cluster()
    const bulk = await engine.bulk.create({ source: { project }, target })
    expect(await enqueueBulk(queue, store, bulk.id)).toBe(6)
    expect(await enqueueBulk(queue, store, bulk.id)).toBe(6)
    expect((await queue.counts()).waiting).toBe(6)
    work()
    work()
    await ended(bulk.id)
    expect(await engine.bulk.report(bulk.id)).toMatchObject({ status: 'completed', counts: { total: 6, completed: 6 }, items: Array(6).fill({ attempts: 1 }) })
    expect((await engine.history({ bulkId: bulk.id })).items).toHaveLength(6)
    expect(await enqueueBulk(queue, store, bulk.id)).toBe(0)
    await queue.close()
  })

  it('leave what they cannot finish to the next one', async () => {
    const project = await seedProject(1)
    const { store, queue, engine, work, ended } = cluster()
    const held = stage.sandbox.github.fault({ method: 'POST', path: /\.git\/git-receive-pack/, action: { stall: true } })
    const bulk = await engine.bulk.create({ source: { project }, target })
    await enqueueBulk(queue, store, bulk.id)
    const first = work()
    await held.fired
    await first.close()
    expect(await store.bulks.get(bulk.id)).toMatchObject({ status: 'in_progress', counts: { in_progress: 1 } })
    expect((await engine.history({ bulkId: bulk.id })).items).toMatchObject([{ status: 'in_progress' }])
    work()
    await ended(bulk.id)
    expect(await engine.bulk.report(bulk.id)).toMatchObject({ status: 'completed', items: [{ attempts: 2 }] })
    await queue.close()
  })

  it('do nothing of what was cancelled before its turn', async () => {
    const project = await seedProject(3)
    const { store, queue, engine, work } = cluster()
    const bulk = await engine.bulk.create({ source: { project }, target })
    await enqueueBulk(queue, store, bulk.id)
    await engine.bulk.cancel(bulk.id)
    const requests = stage.sandbox.github.requests.length
    work()
    await eventually(async () => ((await queue.counts()).waiting === 0 ? true : undefined))
    await queue.close()
    expect(await store.bulks.get(bulk.id)).toMatchObject({ status: 'cancelled', counts: { cancelled: 3 } })
    expect(stage.sandbox.github.requests.length).toBe(requests)
  })

  it.each(['just before', 'just after'])('stop when a bulk migration is cancelled %s a migration of it is filed', async (moment) => {
    const project = await seedProject(1)
    const { store, queue, engine, work, ended } = cluster()
    const bulk = await engine.bulk.create({ source: { project }, target })
    const file = store.createMigration.bind(store)
    store.createMigration = async (record) => {
      if (moment === 'just before') await engine.bulk.cancel(bulk.id)
      await file(record)
      if (moment === 'just after') await engine.bulk.cancel(bulk.id)
    }
    await enqueueBulk(queue, store, bulk.id)
    const requests = stage.sandbox.github.requests.length
    work()
    await ended(bulk.id)
    await queue.close()
    expect(await store.bulks.get(bulk.id)).toMatchObject({ status: 'cancelled', counts: { cancelled: 1 } })
    expect(stage.sandbox.github.requests.length).toBe(requests)
  })

  it('go on with what is open, even where a late write has said that all was over', async () => {
    const project = await seedProject(2)
    const { store, queue, engine, work, ended } = cluster()
    const bulk = await engine.bulk.create({ source: { project }, target })
    await store.bulks.update(bulk.id, { status: 'failed' })
    await enqueueBulk(queue, store, bulk.id)
    work()
    await ended(bulk.id)
    await queue.close()
    expect(await store.bulks.get(bulk.id)).toMatchObject({ status: 'completed', counts: { completed: 2 } })
  })

  it('run single migrations', async () => {
    const { request } = await stage.seed()
    const { store, queue, engine, work } = cluster()
    const { id } = await engine.create(request)
    await queue.enqueue([{ kind: 'migration', migrationId: id }, { kind: 'migration', migrationId: 'unknown' }])
    work()
    await eventually(async () => ((await store.getMigration(id))?.endedAt ? true : undefined), 30_000)
    await queue.close()
    expect(await store.getMigration(id)).toMatchObject({ status: 'completed' })
  })

  it('say so in the outcome when the credentials are gone, and wait when they cannot be asked for', async () => {
    const project = await seedProject(1)
    const { request } = await stage.seed()
    const { store, queue, engine, work, ended, errors } = cluster()
    const bulk = await engine.bulk.create({ source: { project }, target }, { credentialRef: 'session/1' })
    const { id } = await engine.create(request)
    await queue.enqueue([{ kind: 'migration', migrationId: id, credentialRef: 'session/1' }])
    await enqueueBulk(queue, store, bulk.id)
    let asked = 0
    work(async () => {
      if (++asked === 1) throw new SaddleError('STORE_FAILED', 'away')
      throw new SaddleError('AUTHENTICATION_FAILED', 'The session has ended. Log in again.')
    })
    await ended(bulk.id)
    expect(await engine.bulk.report(bulk.id)).toMatchObject({ status: 'failed', items: [{ status: 'failed', error: { code: 'AUTHENTICATION_FAILED' } }] })
    await eventually(async () => ((await store.getMigration(id))?.endedAt ? true : undefined))
    expect(await store.getMigration(id)).toMatchObject({ status: 'failed', error: { code: 'AUTHENTICATION_FAILED' } })
    expect(errors).toMatchObject([{ code: 'STORE_FAILED' }])
    await queue.close()
  })
})
