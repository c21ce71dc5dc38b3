import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../scripts/readme-example.ts'

it('the example of the README runs as printed', async () => {
  const { printed } = await runReadmeExample(new URL('../README.md', import.meta.url))
  expect(printed.at(-1)).toEqual(['completed', 5, []])
  const steps = ['preflight', 'prepare-target', 'transfer-lfs', 'transfer-git', 'settings', 'verify', 'finish']
  expect(printed.map(([step]) => step).slice(0, -1)).toEqual(steps)
})
