import { afterEach, describe, expect, it } from 'vitest'
import { SaddleError } from '@saddle/transport'
import { LeaseKeeper, takeLease } from './lease.ts'
import { MemoryStore } from './store/memory.ts'
import { sampleRecord } from './store/sample.ts'
import { eventually } from './test-functions.ts'

const store = new MemoryStore()
const keepers: LeaseKeeper[] = []
afterEach(async () => {
  for (const keeper of keepers.splice(0)) await keeper.stop()
})
let number = 0
const fresh = () => `host/o/n${++number}`

describe('takeLease', () => {
  it('waits out the lease of somebody who died', async () => {
    const key = fresh()
    const dead = await store.acquireLease(key, 'dead', 80)
    const lease = await takeLease(store, key, 'me', { ttlMs: 60_000 })
    expect(lease.fence).toBeGreaterThan(dead!.fence)
  })

  it('notices that the holder is alive by its renewal', async () => {
    const key = fresh()
    const lease = await store.acquireLease(key, 'alive', 30_000)
    let refusal: unknown
    takeLease(store, key, 'me', { ttlMs: 60_000 }).catch((error: unknown) => (refusal = error))
    await eventually(async () => {
      await store.renewLease(lease!, 30_000)
      return refusal
    })
    expect(refusal).toMatchObject({ code: 'MIGRATION_RUNNING', context: { target: `o/n${number}` } })
  })

  it('stops waiting when told to', async () => {
    const key = fresh()
    await store.acquireLease(key, 'alive', 30_000)
    await expect(takeLease(store, key, 'me', { ttlMs: 1000, signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ code: 'TIMEOUT' })
  })
})

describe('LeaseKeeper', () => {
  async function kept(ttlMs: number) {
    const key = fresh()
    await store.createMigration(sampleRecord(key))
    const lease = await store.acquireLease(key, 'me', ttlMs)
    const reasons: SaddleError[] = []
    const keeper = new LeaseKeeper({
      store, lease: lease!, ttlMs,
      lostText: 'Another process took over.',
      cancellation: async () => ((await store.getMigration(key))?.cancelRequested ? new SaddleError('ABORTED', 'Cancelled.') : undefined),
      abort: (reason) => reasons.push(reason),
    })
    keepers.push(keeper)
    return { key, lease: lease!, reasons, keeper }
  }

  it('renews until it is stopped, then gives up', async () => {
    const { key, lease, keeper, reasons } = await kept(60)
    await eventually(async () => ((await store.getLease(key))!.expiresAt > lease.expiresAt ? true : undefined))
    await keeper.stop()
    expect(await store.getLease(key)).toBeUndefined()
    expect(reasons).toEqual([])
  })

  it('passes a request to cancel on', async () => {
    const { key, reasons } = await kept(60)
    await store.updateMigration(key, { cancelRequested: true })
    expect((await eventually(async () => reasons[0])).code).toBe('ABORTED')
  })

  it('says when the lease went to somebody else', async () => {
    const { key, lease, reasons } = await kept(60)
    await store.releaseLease(lease)
    await store.acquireLease(key, 'other', 60_000)
    expect((await eventually(async () => reasons[0])).code).toBe('LEASE_LOST')
  })
})
