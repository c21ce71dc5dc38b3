import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../scripts/readme-example.ts'

it('the example of the README runs as printed', async () => {
  const { printed } = await runReadmeExample(new URL('../README.md', import.meta.url))
  const path = '/api/v3/repos/acme/tool'
  expect(printed).toEqual([[6, 'refs'], [502], [404], [[`GET ${path} 502`, `GET ${path} 404`]]])
})
