import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox, type Sandbox, type SandboxOptions } from '@saddle/sandbox'
import { git, refsOf } from '../src/demo/git.ts'
import { main, type ExitStatus } from '../src/index.ts'
import { Capture } from './capture.ts'

/** What a run of the command left behind. */
export interface Outcome {
  status: ExitStatus
  stdout: Capture
  stderr: Capture
}

/** Settings of a run. */
export interface RunOptions {
  /** Variables besides those of the stage; undefined takes one away. */
  env?: Record<string, string | undefined>
  stdout?: Capture
  stderr?: Capture
  signal?: AbortSignal
}

/** A sandbox, a store of its own, and the command pointed at both. Close it after the tests. */
export class Stage {
  readonly sandbox: Sandbox
  readonly env: Record<string, string>
  readonly home: string

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    this.home = mkdtempSync(join(tmpdir(), 'saddle-cli-test-'))
    this.env = {
      PATH: process.env['PATH'] ?? '',
      SADDLE_HOME: join(this.home, 'store'),
      SADDLE_BITBUCKET_URL: sandbox.bitbucket.url,
      SADDLE_BITBUCKET_TOKEN: sandbox.bitbucket.token,
      SADDLE_GITHUB_URL: sandbox.github.url,
      SADDLE_GITHUB_TOKEN: sandbox.github.token,
    }
  }

  static async open(options: SandboxOptions = {}): Promise<Stage> {
    // Repositories without Git LFS, so that what is lost is what a test is about.
    const stage = new Stage(await startSandbox({ ...options, bitbucket: { lfs: false, ...options.bitbucket } }))
    stage.sandbox.github.createOrganization({ login: 'acme' })
    return stage
  }

  async close(): Promise<void> {
    await this.sandbox.close()
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Runs the command in this process. */
  async run(argv: string[], { env = {}, stdout = new Capture(), stderr = new Capture(), signal }: RunOptions = {}): Promise<Outcome> {
    const status = await main(argv, { stdout, stderr, env: { ...this.env, ...env }, ...(signal ? { signal } : {}) })
    return { status, stdout, stderr }
  }

  /** Every ref of a repository of the source. */
  sourceRefs(slug: string, project = 'PROJ'): Promise<string> {
    return refsOf({ cwd: this.sandbox.bitbucket.repositoryPath(project, slug), path: this.env['PATH'] })
  }

  /** Every ref of an ordinary clone of the target, whose objects were checked. */
  async clonedRefs(name: string, owner = 'acme'): Promise<string> {
    const { webUrl, token } = this.sandbox.github
    const clone = mkdtempSync(join(this.home, 'clone-'))
    const header = `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`
    const here = { cwd: clone, path: this.env['PATH'] }
    await git(['clone', '--quiet', '--mirror', '--', `${webUrl}/${owner}/${name}.git`, clone], { ...here, authorize: { url: webUrl, header } })
    await git(['fsck', '--full', '--no-progress'], here)
    return refsOf(here)
  }

  /** Makes a commit on the default branch of the source. */
  async commit(slug: string, project = 'PROJ'): Promise<void> {
    const here = { cwd: this.sandbox.bitbucket.repositoryPath(project, slug), path: this.env['PATH'] }
    await git(['update-ref', 'HEAD', await git(['commit-tree', '-p', 'HEAD', '-m', 'More', 'HEAD^{tree}'], here)], here)
  }
}
