import { expect, test } from 'vitest'
import { programOf } from '../packages/cli-adapter/src/program.ts'
import { findSnippets } from '../scripts/snippets.ts'

const commands = findSnippets()
  .filter(({ language }) => language === 'sh')
  .flatMap(({ from, code }) => code.split('\n').filter((line) => line.startsWith('saddle ')).map((line) => [`${from} ${line}`, line] as const))
const io = { stdout: { write: () => true }, stderr: { write: () => true }, env: {} }

test.each(commands)('%s', async (_, line) => {
  // What follows a comment or a pipe is another program's.
  const words = line.split(/ [#|]/)[0]!.trim().match(/"[^"]*"|'[^']*'|\S+/g)!.slice(1).map((word) => word.replace(/^(["'])(.*)\1$/, '$2'))
  let reached = false
  await programOf(io, async () => void (reached = true)).parseAsync(words, { from: 'user' })
  expect(reached).toBe(true)
})
