import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { SaddleError } from '@saddle/core'
import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { SandboxOptions } from '../options.ts'
import { styleOf, type Style } from '../render/style.ts'
import { stopped } from '../stopped.ts'

const [project, owner] = ['DEMO', 'acme']

/** `saddle sandbox`; runs until it is interrupted. */
export async function sandbox(options: SandboxOptions, io: Io): Promise<ExitStatus> {
  const home = await mkdtemp(join(tmpdir(), 'saddle-sandbox-'))
  const { seed = [], bitbucketPort, githubPort, latency, json } = options
  let servers: Sandbox | undefined
  try {
    const tls = options.tls ? await certificate() : undefined
    const caFile = tls && join(home, 'ca.pem')
    if (caFile) await writeFile(caFile, tls.cert)
    servers = await startSandbox({
      root: join(home, 'servers'), delayMs: latency, bitbucket: { port: bitbucketPort }, github: { port: githubPort }, ...(tls ? { tls } : {}),
    }).catch((cause: unknown) => { throw notStarted(cause) })
    const slugs = await plant(servers, seed)
    const environment = { ...environmentOf(servers, join(home, 'saddle')), ...(caFile ? { SADDLE_CA_FILE: caFile } : {}) }
    const password = servers.bitbucket.adminPassword
    io.stdout.write(
      json
        ? `${escapedJson({ type: 'sandbox', environment, bitbucketPassword: password, repositories: slugs.map((slug) => `${project}/${slug}`), owner })}\n`
        : introduction(environment, password, slugs, styleOf(io.stdout, io.env)),
    )
    await stopped(io)
    return exitStatus.done
  } finally {
    await servers?.close()
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** The source's repositories: those that were named, or one made up. */
async function plant({ bitbucket, github }: Sandbox, paths: readonly string[]): Promise<string[]> {
  github.createOrganization({ login: owner })
  if (paths.length === 0) {
    const seed = { commits: 50, branches: 4, tags: 4, notes: true }
    await bitbucket.createRepository({ project, slug: 'example', description: 'An example', labels: ['example'], seed })
    return ['example']
  }
  const slugs: string[] = []
  for (const path of paths) {
    const from = resolve(path)
    const slug = basename(from).replace(/\.git$/, '').toLowerCase().replace(/[^a-z0-9._-]/g, '-')
    if (slugs.includes(slug)) throw new SaddleError('INVALID_INPUT', `Two of the repositories given with --seed would be called ${slug}. Rename one of the folders.`)
    await bitbucket.createRepository({ project, slug, seed: { from } }).catch((cause: unknown) => {
      throw new SaddleError('INVALID_INPUT', `--seed ${path} is not a repository that git can read. Give the folder of one.`, { cause })
    })
    slugs.push(slug)
  }
  return slugs
}

/** The variables that point the command at a sandbox, with a store of its own. */
function environmentOf({ bitbucket, github }: Sandbox, home: string): Record<string, string> {
  return {
    SADDLE_BITBUCKET_URL: bitbucket.url,
    SADDLE_BITBUCKET_TOKEN: bitbucket.token,
    SADDLE_GITHUB_URL: github.url,
    SADDLE_GITHUB_TOKEN: github.token,
    SADDLE_HOME: home,
  }
}

function introduction(environment: Record<string, string>, password: string, slugs: readonly string[], { colour }: Style): string {
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`)
  return `A Bitbucket and a GitHub are running on this machine. In another terminal:

${lines.join('\n')}

saddle inventory
saddle migrate ${escape(`${project}/${slugs[0] ?? ''}`)} --to ${owner}

${colour.dim(`Bitbucket's administrator is admin with the password ${password}. Ctrl-C ends both servers and removes everything.`)}
`
}

/** A certificate for loopback addresses that is its own authority. */
async function certificate(): Promise<{ key: string; cert: string }> {
  const { generate } = await import('selfsigned')
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'Saddle sandbox' }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }, { type: 7, ip: '127.0.0.1' }] },
    ],
  })
  return { key, cert }
}

function notStarted(cause: unknown): SaddleError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return new SaddleError('INVALID_INPUT', 'A port is in use by another program. Choose another one with --bitbucket-port or --github-port.', { cause })
  if (code === 'EACCES') return new SaddleError('INVALID_INPUT', 'This user may not listen on that port. Choose one above 1023.', { cause })
  return new SaddleError('BACKEND_UNAVAILABLE', `The sandbox could not be started: ${message}.`, { cause })
}
