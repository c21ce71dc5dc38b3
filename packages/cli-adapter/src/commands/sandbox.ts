import { once } from 'node:events'
import { basename, resolve } from 'node:path'
import { SaddleError } from '@saddle/core'
import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'

/** `saddle sandbox`; runs until it is interrupted. */
export async function sandbox(options: CommonOptions & { seed?: string[]; latency: string }, io: Io): Promise<ExitStatus> {
  const delayMs = Number(options.latency)
  if (!(delayMs >= 0)) throw new SaddleError('INVALID_INPUT', '--latency takes milliseconds.')
  const servers = await startSandbox({ delayMs })
  try {
    servers.github.createOrganization({ login: 'acme' })
    for (const path of options.seed ?? []) {
      const slug = basename(resolve(path)).replace(/\.git$/, '').toLowerCase().replace(/[^a-z0-9._-]/g, '-')
      await servers.bitbucket.createRepository({ project: 'DEMO', slug, seed: { from: resolve(path) } })
    }
    if (!options.seed) await servers.bitbucket.createRepository({ project: 'DEMO', slug: 'example', description: 'An example', labels: ['example'], seed: { commits: 50, branches: 4, tags: 4, notes: true } })
    io.stdout.write(options.json ? `${escapedJson({ type: 'sandbox', environment: environmentOf(servers) })}\n` : introduction(servers))
    if (io.signal && !io.signal.aborted) await once(io.signal, 'abort')
    return exitStatus.done
  } finally {
    await servers.close()
  }
}

/** The variables that point the command at a sandbox. */
export const environmentOf = ({ bitbucket, github }: Sandbox): Record<string, string> => ({
  SADDLE_BITBUCKET_URL: bitbucket.url,
  SADDLE_BITBUCKET_TOKEN: bitbucket.token,
  SADDLE_GITHUB_URL: github.url,
  SADDLE_GITHUB_TOKEN: github.token,
})

const introduction = (servers: Sandbox): string =>
  `A Bitbucket and a GitHub are running. In another terminal:

${Object.entries(environmentOf(servers)).map(([name, value]) => `export ${name}=${escape(value)}`).join('\n')}

saddle inventory
saddle migrate DEMO/example --to acme

Ctrl-C ends them.
`
