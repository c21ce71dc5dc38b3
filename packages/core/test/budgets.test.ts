import { HostBudget, type Budget, type ToldLimit } from '@saddle/transport'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BitbucketClient, GitHubClient, type ProgressEvent } from '../src/index.ts'
import { NativeBackend } from '../src/git/native.ts'
import { impatient, setStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.close())

const github = (budget: Budget) =>
  new GitHubClient({ baseUrl: stage.sandbox.github.url, gitUrl: stage.sandbox.github.webUrl, auth: { token: stage.sandbox.github.token }, retry: impatient, budget })
const texts = (events: readonly ProgressEvent[]) => events.flatMap((event) => (event.type === 'message' ? [event.text] : []))

it('a wait is told to the migration that waits, and to no other', async () => {
  // It says that creations wait, and does not make them.
  const room = new HostBudget()
  const budget: Budget = {
    acquire: (cost, options) => {
      if (cost.creates) options.onWait?.({ reason: 'creation', waitMs: 5000 })
      return room.acquire(cost, options)
    },
    pause: () => undefined,
  }
  const client = github(budget)
  const [known, fresh] = [await stage.seed(), await stage.seed()]
  await stage.engine().engine.migrate(known.request)
  known.commit('main')
  const { engine, events } = stage.engine({ github: client })
  const [synced, made] = await Promise.all([
    engine.migrate({ ...known.request, target: { owner: 'acme', existing: true } }), engine.migrate(fresh.request),
  ])
  await client.close()
  const of = (id: string) => texts(events.filter(({ migrationId }) => migrationId === id)).filter((text) => text.startsWith('Waiting'))
  expect(of(made.id)).toEqual([expect.stringMatching(/^Waiting 5 s: .* lets only so many repositories be created/)])
  expect(of(synced.id)).toEqual([])
})

it('the git program takes its place in the budget of the source like everything else', async () => {
  const source = await stage.seed()
  const room = new HostBudget({ concurrency: 1 })
  const drawn: number[] = []
  let underWay = 0
  const budget: Budget = {
    acquire: async (cost, options) => {
      const leave = await room.acquire(cost, options)
      drawn.push(cost.points ?? 1)
      expect(++underWay).toBe(1)
      return () => {
        underWay--
        leave()
      }
    },
    pause: () => undefined,
  }
  const bitbucket = new BitbucketClient({ baseUrl: stage.sandbox.bitbucket.url, auth: { token: stage.sandbox.bitbucket.token }, retry: impatient, budget })
  await stage.engine({ bitbucket, git: new NativeBackend() }).engine.migrate(source.request)
  await bitbucket.close()
  expect(source.targetRefs()).toBe(source.refs())
  expect(drawn.filter((points) => points > 1)).toEqual([3])
  expect(underWay).toBe(0)
})

it('a git program that was refused for coming too often slows everybody down', async () => {
  const source = await stage.seed()
  const learned: ToldLimit[] = []
  const room = new HostBudget()
  const budget: Budget = {
    acquire: (cost, options) => room.acquire(cost, options),
    pause: () => undefined,
    learn: (limit) => learned.push(limit),
  }
  const bitbucket = new BitbucketClient({ baseUrl: stage.sandbox.bitbucket.url, auth: { token: stage.sandbox.bitbucket.token }, retry: impatient, budget })
  // The first to ask for the refs is Saddle itself.
  stage.sandbox.bitbucket.fault({ path: `${source.slug}.git/info/refs`, skip: 1, action: { status: 429 } })
  const { engine, events } = stage.engine({ bitbucket, git: new NativeBackend() })
  await engine.migrate(source.request)
  await bitbucket.close()
  expect(learned).toEqual([expect.objectContaining({ left: 0, assumed: true })])
  expect(texts(events)).toContainEqual(expect.stringMatching(/^The transfer broke off: .*limits the rate.* Trying again/))
  expect(source.targetRefs()).toBe(source.refs())
})
