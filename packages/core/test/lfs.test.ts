import { expect, it } from 'vitest'
import { setStage } from './stage.ts'

it('moves', async () => {
  await using stage = await setStage({ github: { checkLfs: true } })
  const source = await stage.seed({ seed: { commits: 3, branches: 3, lfs: { count: 30, size: [10, 300_000], missing: 0 } } })
  const { engine, events } = stage.engine()
  const plan = await engine.plan(source.request)
  console.log(JSON.stringify(plan.steps), plan.problems, plan.losses)
  const report = await engine.migrate(source.request)
  console.log(report.lfs, report.losses, events.filter(({ type }) => type === 'transfer'))
  console.log(stage.sandbox.bitbucket.requests.map(({ method, path, status }) => `${method} ${path} ${status}`).slice(0, 40))
  expect(source.targetRefs()).toBe(source.refs())
})
