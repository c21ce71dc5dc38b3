import assert from 'node:assert/strict'
import { SaddleError } from '@saddle/transport'
import { eventually, type TestFunctions } from '../test-functions.ts'
import { jobKey, type JobHandler, type JobQueue, type MigrationJob, type QueueWorker } from './queue.ts'

/** What {@link jobQueueSuite} tests. */
export interface QueueUnderTest {
  /** Empty. */
  queue: JobQueue
  /** A second connection to the same jobs, as another process would have; left out where there is no such thing. */
  another?: () => Promise<JobQueue>
  /** Takes everything away after a test. */
  dispose(): Promise<void>
}

const migration = (migrationId: string): MigrationJob => ({ kind: 'migration', migrationId })
const ids = (jobs: readonly MigrationJob[]) => jobs.map(jobKey)

/** The contract of {@link JobQueue}. Every implementation passes it, those of others as well. */
export function jobQueueSuite(
  { describe, it, beforeEach, afterEach }: TestFunctions,
  name: string,
  make: () => Promise<QueueUnderTest>,
): void {
  describe(`${name}: contract of JobQueue`, () => {
    let tested: QueueUnderTest
    let queue: JobQueue
    let seen: MigrationJob[]
    beforeEach(async () => {
      tested = await make()
      queue = tested.queue
      seen = []
    })
    afterEach(async () => {
      await queue.close()
      await tested.dispose()
    })

    const note: JobHandler = async (job) => {
      seen.push(job)
      return 'done'
    }
    const empty = () =>
      eventually(async () => {
        const { waiting, active, delayed } = await queue.counts()
        return waiting + active + delayed === 0 ? true : undefined
      })

    it('gives each job to a worker, in order, as it was', async () => {
      const jobs: MigrationJob[] = [
        { kind: 'migration', migrationId: 'a:b/c "☕"', credentialRef: 'session/1' },
        { kind: 'bulk-item', bulkId: 'bulk:1', index: 0 },
        { kind: 'bulk-item', bulkId: 'bulk:1', index: 11, credentialRef: 'r' },
      ]
      await queue.enqueue(jobs)
      assert.deepEqual(await queue.counts(), { waiting: 3, active: 0, delayed: 0 })
      queue.process(note, { concurrency: 1 })
      await empty()
      assert.deepEqual(seen, jobs)
    })

    it('does not take a job twice while it waits or is worked on, but takes it again afterwards', async () => {
      await queue.enqueue([migration('a'), migration('a')])
      await queue.enqueue([migration('a')])
      let finish = () => {}
      queue.process(
        async (job) => {
          seen.push(job)
          await new Promise<void>((resolve) => (finish = resolve))
          return 'done'
        },
        { concurrency: 2 },
      )
      await eventually(async () => (seen.length ? true : undefined))
      await queue.enqueue([migration('a')])
      assert.deepEqual(await queue.counts(), { waiting: 0, active: 1, delayed: 0 })
      finish()
      await empty()
      assert.equal(seen.length, 1)
      await queue.enqueue([migration('a')])
      await eventually(async () => (seen.length === 2 ? true : undefined))
      finish()
      await empty()
    })

    it('works on no more jobs at once than it may, and on that many', async () => {
      let running = 0
      let most = 0
      await queue.enqueue(Array.from({ length: 12 }, (_, index) => migration(`m${index}`)))
      queue.process(
        async () => {
          most = Math.max(most, ++running)
          await new Promise((resolve) => setTimeout(resolve, 20))
          running--
          return 'done'
        },
        { concurrency: 3 },
      )
      await empty()
      assert.equal(most, 3)
    })

    it('gives a job out again when its handler says so', async () => {
      await queue.enqueue([migration('a')])
      queue.process(
        async (job) => {
          seen.push(job)
          return seen.length < 3 ? { againInMs: 10 } : 'done'
        },
        { concurrency: 1 },
      )
      await empty()
      assert.deepEqual(ids(seen), Array(3).fill('migration/a'))
    })

    it('shows what is to be given out again as delayed', async () => {
      await queue.enqueue([migration('a')])
      queue.process(async () => ({ againInMs: 60_000 }), { concurrency: 1 })
      await eventually(async () => ((await queue.counts()).delayed === 1 ? true : undefined))
      await queue.enqueue([migration('a')])
      assert.deepEqual(await queue.counts(), { waiting: 0, active: 0, delayed: 1 })
    })

    it('tries again what threw, and tells of it', async () => {
      await queue.enqueue([migration('a'), migration('b')])
      const told: unknown[] = []
      queue.process(
        async (job) => {
          seen.push(job)
          if (seen.length === 1) throw new SaddleError('STORE_FAILED', 'away')
          return 'done'
        },
        { concurrency: 1, onError: (error, job) => told.push(job && jobKey(job), error) },
      )
      await empty()
      assert.deepEqual(ids(seen), ['migration/a', 'migration/b', 'migration/a'])
      assert.equal(told[0], 'migration/a')
      assert.match(String(told[1]), /away/)
    })

    it('gives nothing out while it is paused', async () => {
      await queue.pause()
      const worker = queue.process(note, { concurrency: 1 })
      await queue.enqueue([migration('a')])
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(seen.length, 0)
      assert.equal((await queue.counts()).waiting, 1)
      await queue.resume()
      await empty()
      assert.equal(seen.length, 1)
      await worker.close()
    })

    it('lets a closing worker finish, within its grace', async () => {
      await queue.enqueue([migration('a'), migration('b')])
      let finish = () => {}
      let aborted = false
      const worker = queue.process(
        async (job, { signal }) => {
          seen.push(job)
          await new Promise<void>((resolve) => (finish = resolve))
          aborted = signal.aborted
          return 'done'
        },
        { concurrency: 1 },
      )
      await eventually(async () => (seen.length ? true : undefined))
      const closing = worker.close({ graceMs: 60_000 })
      finish()
      await closing
      assert.deepEqual([ids(seen), aborted], [['migration/a'], false])
      assert.deepEqual(await queue.counts(), { waiting: 1, active: 0, delayed: 0 })
    })

    it('gives the jobs of a worker that was closed to others', async () => {
      await queue.enqueue([migration('a')])
      const stopped: JobHandler = async (job, { signal }) => {
        seen.push(job)
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        assert.equal(SaddleError.from(signal.reason).code, 'LEASE_LOST')
        return { againInMs: 0 }
      }
      const worker: QueueWorker = queue.process(stopped, { concurrency: 1 })
      await eventually(async () => (seen.length ? true : undefined))
      await worker.close()
      queue.process(note, { concurrency: 1 })
      await empty()
      assert.deepEqual(ids(seen), ['migration/a', 'migration/a'])
    })

    it('shares the jobs between processes, each to one of them', async () => {
      const other = await tested.another?.()
      if (!other) return
      await queue.enqueue(Array.from({ length: 20 }, (_, index) => migration(`m${index}`)))
      const by: string[] = []
      const work = (who: string): JobHandler => async (job) => {
        seen.push(job)
        by.push(who)
        await new Promise((resolve) => setTimeout(resolve, 10))
        return 'done'
      }
      queue.process(work('one'), { concurrency: 1 })
      other.process(work('two'), { concurrency: 1 })
      await empty()
      await other.close()
      assert.equal(new Set(ids(seen)).size, 20)
      assert.equal(seen.length, 20)
      assert.deepEqual([...new Set(by)].sort(), ['one', 'two'])
    })

    it('keeps thousands, and answers', async () => {
      await queue.ping()
      await queue.enqueue(Array.from({ length: 3000 }, (_, index) => ({ kind: 'bulk-item', bulkId: 'b', index })))
      assert.equal((await queue.counts()).waiting, 3000)
    })

    it('is of no use once closed', async () => {
      await queue.close()
      await assert.rejects(queue.enqueue([migration('a')]), (error) => SaddleError.is(error) && error.code === 'STORE_FAILED')
      await assert.rejects(queue.ping(), (error) => SaddleError.is(error) && error.code === 'STORE_FAILED')
    })
  })
}
