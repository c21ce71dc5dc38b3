import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, vi } from 'vitest'

it('the example of the README runs as printed', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const folder = await mkdtemp(join(tmpdir(), 'saddle-readme-'))
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  try {
    await writeFile(join(folder, 'example.ts'), /```ts\n(.*?)```/s.exec(readme)![1]!)
    await import(/* @vite-ignore */ pathToFileURL(join(folder, 'example.ts')).href)
    expect(log.mock.calls.at(-1)).toEqual(['completed', 5, []])
    expect(log.mock.calls.map(([step]: unknown[]) => step).slice(0, -1)).toEqual(['preflight', 'prepare-target', 'transfer-lfs', 'transfer-git', 'settings', 'verify', 'finish'])
  } finally {
    log.mockRestore()
    await rm(folder, { recursive: true })
  }
})
