import { expect, it } from 'vitest'
import type { SaddleError } from '../src/index.ts'
import { setStage } from './stage.ts'

it('a plan warns of names that trouble, before anything is there', async () => {
  await using stage = await setStage()
  const source = await stage.seed({ seed: { commits: 2 } })
  for (const name of ['Fix', 'fix', Array(4).fill('x'.repeat(80)).join('/')]) source.git('update-ref', `refs/heads/${name}`, 'main')
  const { problems } = await stage.engine().engine.plan(source.request)
  expect(problems.map(({ severity, code, refs }) => [severity, code, refs?.map((ref) => ref.slice(0, 15))])).toEqual([
    ['warning', 'REF_REJECTED', ['refs/heads/xxxx']],
    ['warning', 'CONFLICT', ['refs/heads/Fix', 'refs/heads/fix']],
  ])
  expect(stage.sandbox.github.repository('acme', source.slug)).toBeUndefined()
})

it('a namespace that the target keeps for itself stops the migration before anything is there', async () => {
  await using stage = await setStage()
  const source = await stage.seed({ seed: { commits: 2 } })
  source.git('update-ref', 'refs/pull/1/head', 'main')
  const request = { ...source.request, options: { namespaces: ['refs/heads/', 'refs/pull/'] } }
  await expect(stage.engine().engine.migrate(request)).rejects.toMatchObject({ code: 'REF_HIDDEN', context: { refs: ['refs/pull/1/head'] } })
  expect(stage.sandbox.github.repository('acme', source.slug)).toBeUndefined()
})

it('a file over the limit is named with its size and what to do, by the relay too', async () => {
  await using stage = await setStage({ github: { fileLimit: 50_000 } })
  const source = await stage.seed({ seed: { commits: 2, files: { 'data/big one.bin': Buffer.alloc(1_200_000, 7) } } })
  const error = await stage.engine().engine.migrate(source.request).then(() => expect.fail('it succeeded'), (thrown: unknown) => thrown as SaddleError)
  expect(error).toMatchObject({ code: 'LARGE_FILE', context: { refs: ['refs/heads/main'] } })
  expect(error.message).toContain('It names: data/big one.bin, 1.14 MB.')
  expect(error.message).toContain('git lfs migrate import --everything --above=100MiB')
})
