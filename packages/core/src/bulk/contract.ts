import assert from 'node:assert/strict'
import { SaddleError, type ErrorCode } from '@saddle/transport'
import type { StoreUnderTest } from '../store/contract.ts'
import { sampleRecord } from '../store/sample.ts'
import type { MigrationStore } from '../store/store.ts'
import type { TestFunctions } from '../test-functions.ts'
import type { BulkRecord } from './record.ts'
import type { BulkQuery, BulkStore, NewBulk, NewBulkItem } from './store.ts'

const at = (second: number): string => new Date(Date.UTC(2024, 0, 1, 0, 0, second)).toISOString()

/** A bulk migration as it is filed, for the contract suite. */
export const sampleBulk = (id: string, change: Partial<NewBulk> = {}): NewBulk => ({
  id, label: 'PRJ', status: 'pending', createdAt: at(0), updatedAt: at(0), ...change,
})

/** A repository of a bulk migration as it is filed, for the contract suite. */
export const sampleItem = (migrationId: string, change: Partial<NewBulkItem> = {}): NewBulkItem => ({
  request: sampleRecord(migrationId).request,
  migrationId,
  status: 'pending',
  attempts: 0,
  percentage: 0,
  stepsCompleted: 0,
  message: 'Waiting to start ☕',
  bytes: 0,
  weight: 100,
  losses: 0,
  ...change,
})

const sampleItems = (count: number): NewBulkItem[] => Array.from({ length: count }, (_, index) => sampleItem(`m${index}`))

/** The contract of {@link BulkStore}: the part of each `MigrationStore` that remembers bulk migrations. */
export function bulkStoreSuite(
  { describe, it, beforeEach, afterEach }: TestFunctions,
  name: string,
  make: () => Promise<StoreUnderTest>,
): void {
  describe(`${name}: contract of BulkStore`, () => {
    let tested: StoreUnderTest
    let store: MigrationStore
    let bulks: BulkStore
    beforeEach(async () => {
      tested = await make()
      store = tested.store
      bulks = store.bulks
    })
    afterEach(async () => {
      await store.close()
      await tested.dispose()
    })

    const counts = async (id: string) => (await bulks.get(id))?.counts
    const indexes = async (...query: Parameters<BulkStore['items']>) => (await bulks.items(...query)).map(({ index }) => index)

    it('gives back what it was given, with counts', async () => {
      const refused = sampleItem('m1', {
        status: 'failed',
        error: { code: 'REF_REJECTED', message: '"\u0000\u202e', retryable: false, context: { refs: ['refs/heads/__proto__'] } },
      })
      await bulks.create(sampleBulk('b', { owner: 'me', credentialRef: 'session/1', concurrency: 3 }), [sampleItem('m0'), refused])
      const record = (await bulks.get('b'))!
      assert.deepEqual(record, {
        ...sampleBulk('b', { owner: 'me', credentialRef: 'session/1', concurrency: 3 }),
        counts: { total: 2, pending: 1, in_progress: 0, completed: 0, failed: 1, cancelled: 0 },
        work: { total: 200, done: 100 },
        bytes: 0,
        revision: 1,
      } satisfies BulkRecord)
      assert.deepEqual(await bulks.items('b'), [{ ...sampleItem('m0'), index: 0, revision: 0 }, { ...refused, index: 1, revision: 0 }])
      record.counts.total = 9
      assert.equal((await counts('b'))?.total, 2)
    })

    it('knows nothing of unknown ones', async () => {
      await bulks.create(sampleBulk('b'), [sampleItem('m0')])
      assert.equal(await bulks.get('nobody'), undefined)
      assert.equal(await bulks.item('nobody', 0), undefined)
      assert.equal(await bulks.item('b', 1), undefined)
      assert.deepEqual(await bulks.items('nobody'), [])
      await rejects(bulks.update('nobody', { status: 'failed' }), 'NOT_FOUND')
      await rejects(bulks.updateItem('nobody', 0, { status: 'failed' }), 'NOT_FOUND')
      await rejects(bulks.updateItem('b', 1, { status: 'failed' }), 'NOT_FOUND')
      await rejects(bulks.updateItems('nobody', ['pending'], { status: 'failed' }), 'NOT_FOUND')
    })

    it('refuses an id, or an idempotency key of the same owner, that is taken', async () => {
      await bulks.create(sampleBulk('a', { owner: 'me', idempotencyKey: 'k' }), sampleItems(1))
      await bulks.create(sampleBulk('b', { owner: 'you', idempotencyKey: 'k' }), sampleItems(1))
      await bulks.create(sampleBulk('c', { idempotencyKey: 'k' }), sampleItems(1))
      await rejects(bulks.create(sampleBulk('a'), sampleItems(1)), 'CONFLICT')
      await rejects(bulks.create(sampleBulk('d', { owner: 'me', idempotencyKey: 'k' }), sampleItems(1)), 'CONFLICT')
      await rejects(bulks.create(sampleBulk('e', { idempotencyKey: 'k' }), sampleItems(1)), 'CONFLICT')
      assert.equal(await bulks.get('e'), undefined)
    })

    it('changes a record, and removes what is set to undefined', async () => {
      await bulks.create(sampleBulk('b', { concurrency: 2 }), sampleItems(1))
      const changed = await bulks.update('b', { status: 'in_progress', cancelRequested: true, run: { startedAt: at(1), workDone: 3 } })
      assert.equal(changed.status, 'in_progress')
      assert.equal(changed.revision, 2)
      assert.deepEqual(await bulks.get('b'), changed)
      const again = await bulks.update('b', { cancelRequested: undefined, concurrency: undefined })
      assert.deepEqual(['cancelRequested' in again, 'concurrency' in again], [false, false])
      assert.deepEqual(again.run, { startedAt: at(1), workDone: 3 })
      assert.ok(again.updatedAt > at(0))
    })

    it('changes an item, its counts, work and bytes in one', async () => {
      await bulks.create(sampleBulk('b'), sampleItems(3))
      const error = { code: 'NETWORK', message: 'm', retryable: true } as const
      assert.equal(await bulks.updateItem('b', 1, { status: 'in_progress', percentage: 50, bytes: 70, step: 'verify', error }), true)
      assert.deepEqual(await counts('b'), { total: 3, pending: 2, in_progress: 1, completed: 0, failed: 0, cancelled: 0 })
      assert.equal(await bulks.updateItem('b', 1, { status: 'completed', percentage: 100, bytes: 90, step: undefined, error: undefined }), true)
      const record = await bulks.get('b')
      assert.deepEqual(record?.counts, { total: 3, pending: 2, in_progress: 0, completed: 1, failed: 0, cancelled: 0 })
      assert.deepEqual([record?.work, record?.bytes, record?.revision], [{ total: 300, done: 100 }, 90, 3])
      const expected = { ...sampleItem('m1'), index: 1, revision: 3, status: 'completed', percentage: 100, bytes: 90 }
      assert.deepEqual(await bulks.item('b', 1), expected)
    })

    it('changes an item only if it is as expected', async () => {
      await bulks.create(sampleBulk('b'), sampleItems(1))
      assert.equal(await bulks.updateItem('b', 0, { status: 'failed' }, { status: ['in_progress', 'completed'] }), false)
      assert.equal(await bulks.updateItem('b', 0, { status: 'failed' }, { attempts: 1 }), false)
      assert.equal((await bulks.get('b'))?.revision, 1)
      assert.equal(await bulks.updateItem('b', 0, { status: 'in_progress', attempts: 1 }, { status: ['pending'], attempts: 0 }), true)
    })

    it('lets exactly one of many claim an item', async () => {
      const other = await tested.another?.()
      await bulks.create(sampleBulk('b'), sampleItems(1))
      const claims = Array.from({ length: 10 }, (_, n) =>
        (n % 2 && other ? other.bulks : bulks).updateItem('b', 0, { status: 'in_progress', attempts: 1 }, { status: ['pending'], attempts: 0 }),
      )
      assert.equal((await Promise.all(claims)).filter(Boolean).length, 1)
      await other?.close()
    })

    it('adds up, whoever changes what at the same time', async () => {
      const other = await tested.another?.()
      await bulks.create(sampleBulk('b'), sampleItems(40))
      const statuses = ['in_progress', 'completed', 'failed', 'cancelled'] as const
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const target = index % 2 && other ? other.bulks : bulks
          await target.updateItem('b', index, { status: 'in_progress', bytes: 1 })
          await target.updateItem('b', index, { status: statuses[index % 4]!, bytes: 2 })
        }),
      )
      const record = await bulks.get('b')
      assert.deepEqual(record?.counts, { total: 40, pending: 0, in_progress: 10, completed: 10, failed: 10, cancelled: 10 })
      assert.deepEqual([record?.bytes, record?.work.done, record?.revision], [80, 3000, 81])
      await other?.close()
    })

    it('reads items by status, from an index, and in pages', async () => {
      await bulks.create(sampleBulk('b'), sampleItems(250))
      for (const index of [3, 30, 120]) await bulks.updateItem('b', index, { status: 'failed' })
      await bulks.updateItem('b', 31, { status: 'completed' })
      assert.deepEqual(await indexes('b', { status: ['failed', 'completed'] }), [3, 30, 31, 120])
      assert.deepEqual(await indexes('b', { status: ['failed'], after: 3, limit: 1 }), [30])
      assert.deepEqual(await indexes('b', { after: 247 }), [248, 249])
      assert.equal((await bulks.items('b')).length, 100)
      assert.equal((await bulks.items('b', { limit: 1000 })).length, 250)
      assert.deepEqual(await indexes('b', { status: ['cancelled'] }), [])
    })

    it('tells what changed since a revision, each change with one of its own', async () => {
      await bulks.create(sampleBulk('b'), sampleItems(4))
      assert.deepEqual(await indexes('b', { changedAfter: 0 }), [])
      await bulks.updateItem('b', 2, { percentage: 1 })
      await bulks.updateItem('b', 0, { percentage: 1 })
      await bulks.update('b', { status: 'in_progress' })
      await bulks.updateItem('b', 2, { percentage: 2 })
      const changed = await bulks.items('b', { changedAfter: 1 })
      assert.deepEqual(changed.map(({ index, revision }) => [index, revision]), [[0, 3], [2, 5]])
      assert.deepEqual(await indexes('b', { changedAfter: 3 }), [2])
      assert.deepEqual(await indexes('b', { changedAfter: 1, limit: 1 }), [0])
      assert.deepEqual(await indexes('b', { changedAfter: 5 }), [])
    })

    it('changes all items of some statuses alike', async () => {
      await bulks.create(sampleBulk('b'), sampleItems(300))
      for (const index of [1, 2, 5]) await bulks.updateItem('b', index, { status: index === 5 ? 'completed' : 'failed' })
      assert.equal(await bulks.updateItems('b', ['pending', 'failed'], { status: 'cancelled', message: 'stopped' }), 299)
      assert.equal(await bulks.updateItems('b', ['pending', 'failed'], { status: 'cancelled' }), 0)
      const record = await bulks.get('b')
      assert.deepEqual(record?.counts, { total: 300, pending: 0, in_progress: 0, completed: 1, failed: 0, cancelled: 299 })
      assert.equal(record?.work.done, 30_000)
      const changed = await bulks.items('b', { changedAfter: 4, limit: 1000 })
      assert.equal(new Set(changed.map(({ revision }) => revision)).size, 299)
      assert.equal(changed.at(-1)?.revision, record?.revision)
      assert.ok(changed.every(({ status, message }) => status === 'cancelled' && message === 'stopped'))
    })

    it('lists newest first, page by page, by status and owner', async () => {
      for (const n of [3, 1, 4, 2]) {
        await bulks.create(sampleBulk(`b${n}`, { createdAt: at(n), ...(n % 2 ? { owner: 'me', idempotencyKey: `k${n}` } : {}) }), sampleItems(1))
      }
      const ids = async (query: BulkQuery) => (await bulks.list(query)).items.map(({ id }) => id)
      const first = await bulks.list({ limit: 3 })
      assert.deepEqual(first.items.map(({ id }) => id), ['b4', 'b3', 'b2'])
      await bulks.create(sampleBulk('b9', { createdAt: at(9) }), sampleItems(1))
      assert.deepEqual(await bulks.list({ limit: 3, cursor: first.cursor! }).then(({ items, cursor }) => [items.map(({ id }) => id), cursor]), [['b1'], undefined])
      await bulks.update('b2', { status: 'completed' })
      assert.deepEqual(await ids({ status: 'completed' }), ['b2'])
      assert.deepEqual(await ids({ startedBy: 'me' }), ['b3', 'b1'])
      assert.deepEqual(await ids({ startedBy: 'me', idempotencyKey: 'k1' }), ['b1'])
      assert.deepEqual(await ids({ idempotencyKey: 'k1' }), [])
      await rejects(bulks.list({ cursor: 'bm9uc2Vuc2U' }), 'INVALID_INPUT')
    })

    it('forgets what ended long ago, with the migrations of that time', async () => {
      await bulks.create(sampleBulk('old', { status: 'completed', endedAt: at(1) }), sampleItems(2))
      await bulks.create(sampleBulk('again', { endedAt: at(1) }), sampleItems(2))
      await bulks.update('again', { endedAt: undefined })
      await bulks.create(sampleBulk('recent', { endedAt: at(30) }), sampleItems(2))
      await store.prune(new Date(at(10)))
      assert.deepEqual(await Promise.all(['old', 'again', 'recent'].map(async (id) => (await bulks.items(id)).length)), [0, 2, 2])
      assert.deepEqual((await bulks.list({})).items.map(({ id }) => id).sort(), ['again', 'recent'])
      assert.equal(await bulks.prune(new Date(at(40))), 1)
    })

    it('keeps thousands', async () => {
      await bulks.create(sampleBulk('b'), sampleItems(3000))
      assert.equal((await counts('b'))?.pending, 3000)
      assert.deepEqual(await indexes('b', { after: 2997 }), [2998, 2999])
    })

    it('is of no use once the store is closed', async () => {
      await store.close()
      await rejects(bulks.get('b'), 'STORE_FAILED')
      await rejects(bulks.create(sampleBulk('b'), []), 'STORE_FAILED')
    })
  })
}

async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(SaddleError.is(error), `not a SaddleError: ${String(error)}`)
    assert.equal(error.code, code, error.message)
    return true
  })
}
