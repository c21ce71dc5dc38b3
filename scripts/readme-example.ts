import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { vi } from 'vitest'

/** Runs the first example of a README as it is printed there; returns the text and what the example wrote, by call. */
export async function runReadmeExample(address: URL): Promise<{ readme: string; printed: unknown[][] }> {
  const readme = await readFile(address, 'utf8')
  const folder = await mkdtemp(join(tmpdir(), 'saddle-readme-'))
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  try {
    await writeFile(join(folder, 'example.ts'), /```ts\n(.*?)```/s.exec(readme)![1]!)
    await import(/* @vite-ignore */ pathToFileURL(join(folder, 'example.ts')).href)
    return { readme, printed: log.mock.calls }
  } finally {
    log.mockRestore()
    await rm(folder, { recursive: true })
  }
}
