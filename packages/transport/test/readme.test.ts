import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test, vi } from 'vitest'

test('the example of the README runs as printed', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const folder = await mkdtemp(join(tmpdir(), 'saddle-readme-'))
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  try {
    await writeFile(join(folder, 'example.ts'), /```ts\n(.*?)```/s.exec(readme)![1]!)
    await import(/* @vite-ignore */ pathToFileURL(join(folder, 'example.ts')).href)
    const printed = log.mock.calls.map((words) => words.join(' '))
    expect(printed).toEqual(['try 1: NETWORK', 'FORBIDDEN 403: no entry for Bearer [redacted]'])
    for (const line of printed) expect(readme).toContain(`\`${line}\``)
  } finally {
    log.mockRestore()
    await rm(folder, { recursive: true })
  }
})
