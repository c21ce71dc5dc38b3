import assert from 'node:assert/strict'
import { eventually, type TestFunctions } from '../test-functions.ts'
import type { SessionStore } from './store.ts'

/** What {@link sessionStoreSuite} tests. */
export interface SessionStoreUnderTest {
  /** Empty. */
  store: SessionStore
  /** A second connection to the same data, as another process would have; left out where there is no such thing. */
  another?: () => Promise<SessionStore>
  /** Takes everything away after a test. */
  dispose(): Promise<void>
}

/** The contract of {@link SessionStore}. Every implementation passes it, those of others as well. */
export function sessionStoreSuite(
  { describe, it, beforeEach, afterEach }: TestFunctions,
  name: string,
  make: () => Promise<SessionStoreUnderTest>,
): void {
  describe(`${name}: contract of SessionStore`, () => {
    let tested: SessionStoreUnderTest
    let store: SessionStore
    const later = () => Date.now() + 60_000
    beforeEach(async () => {
      tested = await make()
      store = tested.store
    })
    afterEach(async () => {
      await store.close()
      await tested.dispose()
    })

    it('gives back what was written, whatever is in it', async () => {
      const value = '{"__proto__":1}\n\u202e☕'
      await store.set('a/__proto__', value, later())
      assert.equal(await store.get('a/__proto__'), value)
      assert.equal(await store.get('a'), undefined)
      await store.set('a/__proto__', '', later())
      assert.equal(await store.get('a/__proto__'), '')
    })

    it('forgets what expired, and lets it be written again', async () => {
      await store.set('gone', 'x', Date.now() - 1)
      assert.equal(await store.get('gone'), undefined)
      assert.equal(await store.take('gone'), undefined)
      assert.equal(await store.delete('gone'), false)
      assert.equal(await store.rotate('gone', 'new', 'x', later()), false)
      assert.equal(await store.get('new'), undefined)
      await store.set('soon', 'x', Date.now() + 40)
      await eventually(async () => ((await store.get('soon')) === undefined ? true : undefined))
      assert.equal(await store.replace('soon', undefined, 'y', later()), true)
      assert.equal(await store.get('soon'), 'y')
    })

    it('replaces only what is expected to be there', async () => {
      assert.equal(await store.replace('k', 'a', 'b', later()), false)
      assert.equal(await store.get('k'), undefined)
      assert.equal(await store.replace('k', undefined, 'a', later()), true)
      assert.equal(await store.replace('k', undefined, 'b', later()), false)
      assert.equal(await store.replace('k', 'x', 'b', later()), false)
      assert.equal(await store.replace('k', 'a', 'b', later()), true)
      assert.equal(await store.get('k'), 'b')
      assert.equal(await store.replace('k', 'b', 'c', Date.now()), true)
      assert.equal(await store.get('k'), undefined)
    })

    it('gives an entry to exactly one of those who take it at once', async () => {
      const second = await tested.another?.()
      await store.set('state', 'once', later())
      const takers = Array.from({ length: 10 }, (_, index) => (index % 2 && second ? second : store).take('state'))
      const taken = (await Promise.all(takers)).filter((value) => value !== undefined)
      assert.deepEqual(taken, ['once'])
      assert.equal(await store.get('state'), undefined)
      await second?.close()
    })

    it('moves an entry to a new key, once', async () => {
      await store.set('old', 'a', later())
      const moves = await Promise.all([store.rotate('old', 'new-1', 'b', later()), store.rotate('old', 'new-2', 'b', later())])
      assert.deepEqual(moves.toSorted(), [false, true])
      assert.equal(await store.get('old'), undefined)
      assert.deepEqual([await store.get('new-1'), await store.get('new-2')].filter(Boolean), ['b'])
    })

    it('loses no change of those who replace at once', async () => {
      await store.set('n', '0', later())
      const add = async (): Promise<void> => {
        const present = await store.get('n')
        if (!(await store.replace('n', present, String(Number(present) + 1), later()))) await add()
      }
      await Promise.all(Array.from({ length: 8 }, add))
      assert.equal(await store.get('n'), '8')
    })

    it('removes, and says whether there was something', async () => {
      await store.set('k', 'v', later())
      assert.equal(await store.delete('k'), true)
      assert.equal(await store.delete('k'), false)
      await store.ping()
    })

    it('shows another connection what was written', async () => {
      const second = await tested.another?.()
      if (!second) return
      await store.set('k', 'v', later())
      assert.equal(await second.get('k'), 'v')
      await second.delete('k')
      assert.equal(await store.get('k'), undefined)
      await second.close()
    })
  })
}
