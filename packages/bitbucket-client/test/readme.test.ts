import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../scripts/readme-example.ts'

it('the example of the README runs as printed', async () => {
  const { printed } = await runReadmeExample(new URL('../README.md', import.meta.url))
  expect(printed).toEqual([['admin'], ['PROJ', 'tool', 'refs/heads/main', ['cli']]])
})
