import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../scripts/readme-example.ts'

it('the example of the README runs as printed', async () => {
  const { readme, printed } = await runReadmeExample(new URL('../README.md', import.meta.url))
  const lines = printed.map((words) => words.join(' '))
  expect(lines).toEqual(['try 1: NETWORK', 'FORBIDDEN 403: no entry for Bearer [redacted]'])
  for (const line of lines) expect(readme).toContain(`\`${line}\``)
})
