import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SqliteStore, type ProgressEvent } from '../src/index.ts'
import { setStage, type Seeded, type Stage } from './stage.ts'

/** Short, so that a run does not wait long for the lease of the one that was killed. */
const leaseMs = 150
/** Far more points than a migration has; the first that is not reached ends the series. */
const most = 200

let stage: Stage
let folder: string
beforeAll(async () => {
  stage = await setStage()
  folder = await mkdtemp(join(tmpdir(), 'saddle-crash-'))
})
afterAll(async () => {
  await stage.close()
  await rm(folder, { recursive: true })
})

const seeded = (): Promise<Seeded> =>
  stage.seed({ description: 'Survives', labels: ['one', 'two'], archived: false, defaultBranch: 'trunk', seed: { commits: 4, branches: 3, tags: 2 } })

const start = ({ slug, request }: Seeded, kill?: { kind: string; number: number }): ChildProcess =>
  stage.start('crash-child.mjs', { path: join(folder, `${slug}.db`), request, leaseMs, kill })

/** Whether it was killed; it must not fail otherwise. */
async function wasKilled(process: ChildProcess): Promise<boolean> {
  const [code, signal] = (await once(process, 'exit')) as [number | null, NodeJS.Signals | null]
  expect(code === 0 || signal === 'SIGKILL', `exit status ${code}`).toBe(true)
  return signal === 'SIGKILL'
}

/** Runs the same migration again, as a user would, and compares its end with that of a run that nobody disturbed. */
async function finishAndCheck(source: Seeded): Promise<void> {
  const store = await SqliteStore.open({ path: join(folder, `${source.slug}.db`) })
  const { engine } = stage.engine({ store, leaseMs })
  try {
    const report = await engine.migrate(source.request)
    expect(source.targetRefs()).toBe(source.refs())
    expect(stage.targetGit(source.slug, 'symbolic-ref', 'HEAD')).toBe('refs/heads/trunk')
    stage.targetGit(source.slug, 'fsck', '--full', '--strict')
    expect(stage.sandbox.github.repository('acme', source.slug)).toMatchObject({
      description: 'Survives', topics: ['one', 'two'], archived: false, visibility: 'private',
    })
    expect(report).toMatchObject({
      status: 'completed',
      targetRepository: { created: true },
      refs: { verified: 5, rejected: [] },
      losses: [],
      progress: { percentage: 100 },
    })
    expect(report).not.toHaveProperty('error')
    // A kill after the record says `completed` leaves nothing to continue: then the second run is a sync of its own.
    const records = (await store.listMigrations({})).items
    expect(records.every(({ status }) => status === 'completed')).toBe(true)
    for (const { id } of records) {
      const events: ProgressEvent[] = []
      for await (const event of store.events(id)) events.push(event)
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
      expect(events.at(-1)).toMatchObject({ type: 'migration-end', status: 'completed' })
    }
  } finally {
    await store.close()
  }
}

/** How often a repository of this name was made, retried or not. */
const creations = (): number =>
  stage.sandbox.github.requests.filter(({ method, path, status }) => method === 'POST' && path.includes('/orgs/acme/repos') && status === 201).length

describe('a migration whose process is killed', () => {
  it.each(['before a write to the store', 'after a write to the store', 'after the answer to a request'])(
    '%s is finished by running it again, wherever that was',
    { timeout: 600_000 },
    async (kind) => {
      const before = creations()
      let points = 0
      let ended = false
      const work = async () => {
        while (!ended && points < most) {
          const number = ++points
          const source = await seeded()
          if (!(await wasKilled(start(source, { kind, number })))) ended = true
          await finishAndCheck(source).catch((e) => { e.message = `point ${number} ${e.message}`; throw e })
        }
      }
      await Promise.all([work(), work(), work()])
      expect(ended).toBe(true)
      expect(points).toBeGreaterThan(10)
      expect(creations() - before).toBe(points)
    },
  )

  it('while a request is being carried out is finished by running it again, whichever request that was', { timeout: 600_000 }, async () => {
    const before = creations()
    let points = 0
    for (const server of [stage.sandbox.bitbucket, stage.sandbox.github]) {
      for (let skip = 0; skip < most; skip++) {
        points++
        const source = await seeded()
        const process = start(source)
        const exit = wasKilled(process)
        // Whatever the request was to do is done, only that nobody waits for the answer any more.
        const fault = server.fault({ path: /./, skip, action: { before: () => { process.kill('SIGKILL') } } })
        const isKilled = await exit
        fault.remove()
        await finishAndCheck(source)
        if (!isKilled) break
      }
    }
    expect(points).toBeGreaterThan(10)
    expect(creations() - before).toBe(points)
  })
})
