// One suite in one file: whoever writes a store reads here, case by case, all that is asked of it.
import assert from 'node:assert/strict'
import { SaddleError, type ErrorCode } from '@saddle/transport'
import { bulkStoreSuite } from '../bulk/contract.ts'
import type { ProgressEvent } from '../events.ts'
import { eventually, type TestFunctions } from '../test-functions.ts'
import { sampleEvent, sampleRecord } from './sample.ts'
import type { MigrationStore } from './store.ts'

/** What {@link migrationStoreSuite} tests. */
export interface StoreUnderTest {
  /** Empty. */
  store: MigrationStore
  /**
   * A second connection to the same data, as another process would have; left out where there is no such thing. The
   * suite closes it.
   */
  another?: () => Promise<MigrationStore>
  /** Takes everything away after a test. */
  dispose(): Promise<void>
}

const minute = 60_000

/**
 * The contract of {@link MigrationStore} with its bulk migrations. Every implementation passes it, those of others as well.
 *
 * @example
 * ```ts
 * import { afterEach, beforeEach, describe, it } from 'vitest'
 * import { MemoryStore } from '@saddle/core'
 * import { migrationStoreSuite } from '@saddle/core/testing'
 *
 * migrationStoreSuite({ describe, it, beforeEach, afterEach }, 'MemoryStore', async () => ({
 *   store: new MemoryStore(),
 *   dispose: async () => {},
 * }))
 * ```
 */
export function migrationStoreSuite(
  { describe, it, beforeEach, afterEach }: TestFunctions,
  name: string,
  make: () => Promise<StoreUnderTest>,
): void {
  describe(`${name}: contract of MigrationStore`, () => {
    let tested: StoreUnderTest
    let store: MigrationStore
    beforeEach(async () => {
      tested = await make()
      store = tested.store
    })
    afterEach(async () => {
      await store.close()
      await tested.dispose()
    })

    describe('records', () => {
      it('gives back what it was given, as a copy', async () => {
        const record = sampleRecord('a', {
          owner: 'session-1',
          losses: [{ kind: 'topic', subject: '"quoted" \u0000 \u202e ☕', reason: 'r', count: 2 }],
          error: { code: 'NETWORK', message: 'm', retryable: true, context: { refs: ['refs/heads/__proto__'] } },
        })
        await store.createMigration(record)
        const expected = structuredClone(record)
        record.losses.length = 0
        const read = await store.getMigration('a')
        assert.deepEqual(read, expected)
        read.steps.length = 0
        assert.deepEqual(await store.getMigration('a'), expected)
      })

      it('knows nothing of an unknown id', async () => {
        assert.equal(await store.getMigration('nobody'), undefined)
        await rejects(store.updateMigration('nobody', { status: 'failed' }), 'NOT_FOUND')
      })

      it('refuses an id that is taken', async () => {
        await store.createMigration(sampleRecord('a'))
        await rejects(store.createMigration(sampleRecord('a')), 'CONFLICT')
      })

      it('refuses an idempotency key that the same owner used, and only that', async () => {
        await store.createMigration(sampleRecord('a', { owner: 'me', idempotencyKey: 'k' }))
        await store.createMigration(sampleRecord('b', { owner: 'you', idempotencyKey: 'k' }))
        await store.createMigration(sampleRecord('c', { idempotencyKey: 'k' }))
        await store.createMigration(sampleRecord('d', { owner: 'me' }))
        await store.createMigration(sampleRecord('e', { owner: 'me' }))
        await rejects(store.createMigration(sampleRecord('f', { owner: 'me', idempotencyKey: 'k' })), 'CONFLICT')
        await rejects(store.createMigration(sampleRecord('g', { idempotencyKey: 'k' })), 'CONFLICT')
        const { items } = await store.listMigrations({ idempotencyKey: 'k', startedBy: 'me' })
        assert.deepEqual(items.map(({ id }) => id), ['a'])
        const { items: anonymous } = await store.listMigrations({ idempotencyKey: 'k' })
        assert.deepEqual(anonymous.map(({ id }) => id), ['c'])
      })

      it('changes the given fields only, and removes what is set to undefined', async () => {
        await store.createMigration(sampleRecord('a', { bulkId: 'bulk' }))
        await store.updateMigration('a', { status: 'failed', error: { code: 'TIMEOUT', message: 'm', retryable: true } })
        await store.updateMigration('a', { status: 'in_progress', error: undefined })
        const record = await store.getMigration('a')
        assert.ok(record)
        assert.equal('error' in record, false)
        assert.equal(record.status, 'in_progress')
        assert.equal(record.bulkId, 'bulk')
        assert.ok(record.updatedAt > record.createdAt)
      })
    })

    describe('lists', () => {
      const at = (second: number) => new Date(Date.UTC(2024, 0, 1, 0, 0, second)).toISOString()

      it('shows newest first, page by page, undisturbed by additions', async () => {
        for (const n of [3, 1, 4, 2, 5]) await store.createMigration(sampleRecord(`m${n}`, { createdAt: at(n) }))
        await store.createMigration(sampleRecord('m4b', { createdAt: at(4) }))
        const first = await store.listMigrations({ limit: 2 })
        assert.deepEqual(first.items.map(({ id }) => id), ['m5', 'm4b'])
        await store.createMigration(sampleRecord('m9', { createdAt: at(9) }))
        const second = await store.listMigrations({ limit: 2, cursor: first.cursor! })
        assert.deepEqual(second.items.map(({ id }) => id), ['m4', 'm3'])
        const third = await store.listMigrations({ limit: 2, cursor: second.cursor! })
        assert.deepEqual(third.items.map(({ id }) => id), ['m2', 'm1'])
        assert.equal(third.cursor, undefined)
      })

      it('filters by every field, names regardless of case', async () => {
        await store.createMigration(sampleRecord('a', { createdAt: at(1), owner: 'me', bulkId: 'bulk', status: 'failed' }))
        const other = sampleRecord('b', { createdAt: at(2) })
        other.request.source = { project: '~user', repository: 'Other' }
        other.request.target = { ...other.request.target, owner: 'elsewhere', name: 'other' }
        await store.createMigration(other)
        const ids = async (query: Parameters<MigrationStore['listMigrations']>[0]) =>
          (await store.listMigrations(query)).items.map(({ id }) => id)
        assert.deepEqual(await ids({}), ['b', 'a'])
        assert.deepEqual(await ids({ status: 'failed' }), ['a'])
        assert.deepEqual(await ids({ project: 'proj' }), ['a'])
        assert.deepEqual(await ids({ project: '~USER' }), ['b'])
        assert.deepEqual(await ids({ repository: 'WIDGETS' }), ['a'])
        assert.deepEqual(await ids({ repository: 'other' }), ['b'])
        assert.deepEqual(await ids({ owner: 'OCTO' }), ['a'])
        assert.deepEqual(await ids({ target: 'octo/widgets' }), ['a'])
        assert.deepEqual(await ids({ startedBy: 'me' }), ['a'])
        assert.deepEqual(await ids({ bulkId: 'bulk' }), ['a'])
        assert.deepEqual(await ids({ bulkId: 'bulk', status: 'pending' }), [])
        await store.updateMigration('a', { status: 'completed' })
        assert.deepEqual(await ids({ status: 'completed' }), ['a'])
        assert.deepEqual(await ids({ status: 'failed' }), [])
      })

      it('refuses a cursor of its own invention', async () => {
        await rejects(store.listMigrations({ cursor: 'bm9uc2Vuc2U' }), 'INVALID_INPUT')
      })
    })

    describe('events', () => {
      beforeEach(() => store.createMigration(sampleRecord('a', { status: 'in_progress' })))

      it('are read in order, from where the reader wants', async () => {
        await store.appendEvents('a', [sampleEvent('a', 1), sampleEvent('a', 2)])
        await store.appendEvents('a', [sampleEvent('a', 3)])
        assert.deepEqual(await all(store.events('a')), [1, 2, 3].map((seq) => sampleEvent('a', seq)))
        assert.deepEqual(await seqs(store.events('a', { after: 2 })), [3])
        assert.deepEqual(await seqs(store.events('a', { after: 7 })), [])
      })

      it('are many', async () => {
        const many = Array.from({ length: 2500 }, (_, index) => sampleEvent('a', index + 1))
        await store.appendEvents('a', many)
        assert.deepEqual(await seqs(store.events('a')), many.map(({ seq }) => seq))
      })

      it('have no gap and no repetition, or are refused whole', async () => {
        await store.appendEvents('a', [sampleEvent('a', 1)])
        await rejects(store.appendEvents('a', [sampleEvent('a', 1)]), 'CONFLICT')
        await rejects(store.appendEvents('a', [sampleEvent('a', 3)]), 'CONFLICT')
        await rejects(store.appendEvents('a', [sampleEvent('a', 2), sampleEvent('a', 4)]), 'CONFLICT')
        assert.deepEqual(await seqs(store.events('a')), [1])
      })

      it('of an unknown migration do not exist', async () => {
        await rejects(all(store.events('nobody')), 'NOT_FOUND')
        await rejects(store.appendEvents('nobody', [sampleEvent('nobody', 1)]), 'NOT_FOUND')
      })

      it('are followed to the end', async () => {
        await store.appendEvents('a', [sampleEvent('a', 1)])
        const followed = seqs(store.events('a', { follow: true }))
        await store.appendEvents('a', [sampleEvent('a', 2)])
        await store.appendEvents('a', [sampleEvent('a', 3)])
        await store.updateMigration('a', { status: 'completed' })
        assert.deepEqual(await followed, [1, 2, 3])
        assert.deepEqual(await seqs(store.events('a', { follow: true, after: 3 })), [])
      })

      it('can be left at any time', async () => {
        await store.appendEvents('a', [sampleEvent('a', 1)])
        const controller = new AbortController()
        const read: number[] = []
        const following = (async () => {
          for await (const { seq } of store.events('a', { follow: true, signal: controller.signal })) {
            read.push(seq)
            controller.abort()
          }
        })()
        await rejects(following, 'ABORTED')
        assert.deepEqual(read, [1])
        for await (const { seq } of store.events('a', { follow: true })) {
          assert.equal(seq, 1)
          break
        }
      })

      it('end when the store is closed', async () => {
        await store.appendEvents('a', [sampleEvent('a', 1)])
        const reader = store.events('a', { follow: true })[Symbol.asyncIterator]()
        assert.equal(((await reader.next()).value as ProgressEvent).seq, 1)
        const next = reader.next()
        await store.close()
        assert.equal((await next).done, true)
      })

      it('that another process writes are followed as well', async () => {
        const other = await tested.another?.()
        if (!other) return
        try {
          const followed = seqs(store.events('a', { follow: true }))
          await other.appendEvents('a', [sampleEvent('a', 1), sampleEvent('a', 2)])
          await other.updateMigration('a', { status: 'failed' })
          assert.deepEqual(await followed, [1, 2])
          await rejects(store.appendEvents('a', [sampleEvent('a', 2)]), 'CONFLICT')
        } finally {
          await other.close()
        }
      })
    })

    it('keeps a journal in order', async () => {
      await store.createMigration(sampleRecord('a'))
      await store.createMigration(sampleRecord('b'))
      const at = '2024-05-01T10:00:00.000Z'
      const entries = [
        { key: 'repository.create', state: 'intent', at },
        { key: 'repository.create', state: 'done', data: { id: 7, names: ['__proto__', null] }, at },
      ] as const
      for (const entry of entries) await store.appendJournal('a', structuredClone(entry) as never)
      assert.deepEqual(await store.journal('a'), entries)
      assert.deepEqual(await store.journal('b'), [])
      assert.deepEqual(await store.journal('nobody'), [])
      await rejects(store.appendJournal('nobody', { key: 'k', state: 'intent', at }), 'NOT_FOUND')
    })

    describe('leases', () => {
      it('have one holder at a time, whatever their case of need', async () => {
        const lease = await store.acquireLease('host/o/n', 'one', minute)
        assert.ok(lease)
        assert.equal(lease.holder, 'one')
        assert.ok(Date.parse(lease.expiresAt) > Date.now())
        assert.equal(await store.acquireLease('host/o/n', 'two', minute), undefined)
        assert.equal(await store.acquireLease('host/o/n', 'one', minute), undefined)
        assert.ok(await store.acquireLease('host/o/m', 'two', minute))
        assert.deepEqual(await store.getLease('host/o/n'), lease)
        assert.equal(await store.getLease('host/o/other'), undefined)
      })

      it('go to exactly one of many who ask at once', async () => {
        const other = await tested.another?.()
        const stores = other ? [store, other] : [store]
        const asked = Array.from({ length: 10 }, (_, n) => stores[n % stores.length]!.acquireLease('k', `holder ${n}`, minute))
        const granted = (await Promise.all(asked)).filter((lease) => lease !== undefined)
        await other?.close()
        assert.equal(granted.length, 1)
      })

      it('can be given up and taken again, with a higher fence', async () => {
        const first = await store.acquireLease('k', 'one', minute)
        await store.releaseLease(first!)
        assert.equal(await store.getLease('k'), undefined)
        const second = await store.acquireLease('k', 'two', minute)
        assert.ok(second!.fence > first!.fence)
        await store.releaseLease(first!)
        assert.equal((await store.getLease('k'))?.holder, 'two')
        assert.equal(await store.renewLease(first!, minute), false)
      })

      it('are extended by renewal', async () => {
        const lease = await store.acquireLease('k', 'one', minute)
        assert.equal(await store.renewLease(lease!, 10 * minute), true)
        const renewed = await store.getLease('k')
        assert.ok(Date.parse(renewed!.expiresAt) > Date.parse(lease!.expiresAt))
        assert.equal(renewed!.fence, lease!.fence)
      })

      it('expire; whoever was too slow is told, and writes nothing any more', async () => {
        await store.createMigration(sampleRecord('a', { status: 'in_progress' }))
        const slow = await store.acquireLease('k', 'slow', 20)
        await store.appendEvents('a', [sampleEvent('a', 1)], slow)
        const quick = await eventually(() => store.acquireLease('k', 'quick', minute))
        assert.ok(quick.fence > slow!.fence)
        assert.equal(await store.renewLease(slow!, minute), false)
        const at = '2024-05-01T10:00:00.000Z'
        await rejects(store.updateMigration('a', { status: 'failed' }, slow), 'LEASE_LOST')
        await rejects(store.appendEvents('a', [sampleEvent('a', 2)], slow), 'LEASE_LOST')
        await rejects(store.appendJournal('a', { key: 'k', state: 'intent', at }, slow), 'LEASE_LOST')
        assert.equal((await store.getMigration('a'))?.status, 'in_progress')
        assert.deepEqual(await seqs(store.events('a')), [1])
        assert.deepEqual(await store.journal('a'), [])
        await store.updateMigration('a', { status: 'completed' }, quick)
        await store.appendEvents('a', [sampleEvent('a', 2)], quick)
      })

      it('that expired and that nobody took can still be renewed', async () => {
        const lease = await store.acquireLease('k', 'one', 1)
        await eventually(async () => ((await store.getLease('k')) ? undefined : true))
        assert.equal(await store.renewLease(lease!, minute), true)
        assert.equal(await store.acquireLease('k', 'two', minute), undefined)
      })
    })

    it('forgets what ended long ago, and nothing else', async () => {
      const old = '2020-01-01T00:00:00.000Z'
      await store.createMigration(sampleRecord('old', { status: 'in_progress' }))
      await store.appendEvents('old', [sampleEvent('old', 1)])
      await store.updateMigration('old', { status: 'completed', endedAt: old })
      await store.createMigration(sampleRecord('recent', { status: 'failed', endedAt: '2024-01-01T00:00:00.000Z' }))
      await store.createMigration(sampleRecord('running', { status: 'in_progress', createdAt: old }))
      assert.equal(await store.prune(new Date('2021-01-01T00:00:00Z')), 1)
      assert.equal(await store.getMigration('old'), undefined)
      await rejects(all(store.events('old')), 'NOT_FOUND')
      assert.deepEqual((await store.listMigrations({})).items.map(({ id }) => id).sort(), ['recent', 'running'])
    })

    it('keeps everything for the next process', async () => {
      const other = await tested.another?.()
      if (!other) return
      await store.createMigration(sampleRecord('a', { status: 'in_progress' }))
      await store.appendEvents('a', [sampleEvent('a', 1)])
      await store.appendJournal('a', { key: 'k', state: 'intent', at: '2024-05-01T10:00:00.000Z' })
      assert.equal((await other.getMigration('a'))?.status, 'in_progress')
      assert.deepEqual(await seqs(other.events('a')), [1])
      assert.equal((await other.journal('a')).length, 1)
      await other.close()
    })

    it('is of no use once closed', async () => {
      await store.close()
      await rejects(store.getMigration('a'), 'STORE_FAILED')
      await rejects(store.createMigration(sampleRecord('a')), 'STORE_FAILED')
      await rejects(store.acquireLease('k', 'h', minute), 'STORE_FAILED')
    })
  })
  bulkStoreSuite({ describe, it, beforeEach, afterEach }, name, make)
}

async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(SaddleError.is(error), `not a SaddleError: ${String(error)}`)
    assert.equal(error.code, code, error.message)
    return true
  })
}

async function all(events: AsyncIterable<ProgressEvent>): Promise<ProgressEvent[]> {
  const read: ProgressEvent[] = []
  for await (const event of events) read.push(event)
  return read
}

const seqs = async (events: AsyncIterable<ProgressEvent>): Promise<number[]> => (await all(events)).map(({ seq }) => seq)
