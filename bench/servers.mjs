// The two servers, in a process of their own, so that their work is not counted as the migration's. Takes one JSON
// command a line and answers each with one line.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startSandbox } from '@saddle/sandbox'

const { BENCH_TLS: tls } = process.env
const sandbox = await startSandbox(tls ? { tls: JSON.parse(tls) } : {})
sandbox.github.createOrganization({ login: 'acme' })

const commands = {
  start: () => ({
    bitbucketUrl: sandbox.bitbucket.url,
    bitbucketToken: sandbox.bitbucket.token,
    githubUrl: sandbox.github.url,
    githubWebUrl: sandbox.github.webUrl,
    githubToken: sandbox.github.token,
  }),
  /** Repositories with the same contents; empty ones without `seed`. */
  async seed({ project = 'BENCH', slugs, seed }) {
    await Promise.all(slugs.map((slug) => sandbox.bitbucket.createRepository({ project, slug, ...(seed ? { seed: { ...seed, random: slug } } : {}) })))
    return { path: sandbox.bitbucket.repositoryPath(project, slugs[0]) }
  },
  organization({ login }) {
    sandbox.github.createOrganization({ login })
    return {}
  },
  delay({ delayMs }) {
    sandbox.delayMs = delayMs
    return {}
  },
  /** Requests since the last call, by kind. */
  requests() {
    const all = [...sandbox.bitbucket.requests, ...sandbox.github.requests]
    const git = all.filter(({ path }) => /git-(upload|receive)-pack/.test(path)).length
    sandbox.bitbucket.clearRequests()
    sandbox.github.clearRequests()
    return { git, rest: all.length - git }
  },
  /** How many Git LFS objects a repository of the target has; it has none afterwards. The server checked each as it came. */
  takeObjects({ name }) {
    const folder = join(sandbox.github.repositoryPath('acme', name), 'lfs')
    const stored = readdirSync(folder, { recursive: true }).filter((path) => /[0-9a-f]{64}$/.test(path)).length
    rmSync(folder, { recursive: true })
    return { stored }
  },
  async stop() {
    await sandbox.close()
    return {}
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...options } = JSON.parse(line)
  console.log(JSON.stringify(await commands[command](options)))
  if (command === 'stop') break
}
process.exit(0)
