import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { vi } from 'vitest'

/**
 * Runs the first example of a README as it is printed there; returns the text and what the example wrote, by call.
 *
 * @param services - addresses that are printed, and what the test has in their place: a port is the one thing that it cannot take
 */
export async function runReadmeExample(address: URL, services: Record<string, string> = {}): Promise<{ readme: string; printed: unknown[][] }> {
  const readme = await readFile(address, 'utf8')
  const folder = await mkdtemp(join(tmpdir(), 'saddle-readme-'))
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  try {
    const printed = /```ts\n(.*?)```/s.exec(readme)![1]!
    const example = Object.entries(services).reduce((text, [shown, own]) => text.replaceAll(shown, own), printed)
    await writeFile(join(folder, 'example.ts'), example)
    await import(/* @vite-ignore */ pathToFileURL(join(folder, 'example.ts')).href)
    return { readme, printed: log.mock.calls }
  } finally {
    log.mockRestore()
    await rm(folder, { recursive: true })
  }
}
