import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BitbucketSandbox } from './bitbucket/bitbucket.ts'
import type { BitbucketOptions } from './bitbucket/options.ts'
import { Git } from './git/git.ts'
import { GitHubSandbox } from './github/github.ts'
import type { GitHubOptions } from './github/options.ts'

/** How the sandbox is started. */
export interface SandboxOptions {
  /** Folder for the bare repositories. By default a temporary one, removed on close. */
  readonly root?: string
  /** Serve https with this key and certificate, both PEM. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Latency in milliseconds added to every request, REST and git. Default 0. */
  readonly delayMs?: number
  readonly bitbucket?: BitbucketOptions
  readonly github?: GitHubOptions
}

/** A Bitbucket Data Center and a GitHub, both on loopback. */
export interface Sandbox extends AsyncDisposable {
  /** Latency in milliseconds added to every request; may be changed at any time. */
  delayMs: number
  readonly bitbucket: BitbucketSandbox
  readonly github: GitHubSandbox
  /** Stops both servers and removes the temporary folder. */
  close(): Promise<void>
}

/**
 * Starts a Bitbucket Data Center and a GitHub to rehearse a migration on, with real git behind them.
 * Needs `git` in the search path.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const git = await Git.locate()
  const root = options.root ?? (await mkdtemp(join(tmpdir(), 'saddle-sandbox-')))
  await mkdir(root, { recursive: true })
  const latency = { delayMs: options.delayMs ?? 0 }
  const parts = (folder: string) => ({
    git,
    folder: join(root, folder),
    delayMs: () => latency.delayMs,
    ...(options.tls ? { tls: options.tls } : {}),
  })
  const bitbucket = await BitbucketSandbox.start(parts('bitbucket'), options.bitbucket ?? {})
  const github = await GitHubSandbox.start(parts('github'), options.github ?? {})
  const close = async () => {
    await Promise.all([bitbucket.close(), github.close()])
    if (options.root === undefined) await rm(root, { recursive: true, force: true, maxRetries: 5 })
  }
  return {
    get delayMs() {
      return latency.delayMs
    },
    set delayMs(value) {
      latency.delayMs = value
    },
    bitbucket,
    github,
    close,
    [Symbol.asyncDispose]: close,
  }
}
