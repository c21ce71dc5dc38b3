import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startSandbox, type NewRepository, type Sandbox, type SandboxOptions } from '@saddle/sandbox'
import {
  BitbucketClient, GitHubClient, MemoryStore, MigrationEngine, type MigrationEngineOptions, type MigrationRequest, type ProgressEvent,
} from '../src/index.ts'

/** Both servers, an organisation at the target, and engines between them. */
export interface Stage extends AsyncDisposable {
  sandbox: Sandbox
  /** Creates a repository at the source; a name of its own unless one is given. */
  seed(repository?: Partial<NewRepository>): Promise<Seeded>
  /** An engine with clients of its own that do not wait between tries. */
  engine(options?: Partial<MigrationEngineOptions>): TestEngine
  /** Runs a program of this folder in a process of its own; its job and how to reach both servers go to its stdin. */
  start(program: `${string}-child.mjs`, job: object, env?: NodeJS.ProcessEnv): ReturnType<typeof startChild>
  /** Git in the bare repository of the target. */
  targetGit(name: string, ...args: string[]): string
  close(): Promise<void>
}

export interface TestEngine {
  engine: MigrationEngine
  store: NonNullable<MigrationEngineOptions['store']>
  events: ProgressEvent[]
}

export interface Seeded {
  slug: string
  path: string
  request: MigrationRequest
  git(...args: string[]): string
  /** Adds a commit to a branch. */
  commit(branch: string, text?: string): string
  refs(): string
  /** The target's refs, in the same form. */
  targetRefs(): string
}

const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.invalid']
export const git = (path: string, ...args: string[]): string =>
  execFileSync('git', ['-C', path, ...identity, ...args], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'pipe'] }).trim()
const refsOf = (path: string) =>
  git(path, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags', 'refs/notes')

/** No wait is real, and none is random. */
export const impatient = { baseDelay: 0, maxDelay: 0, random: () => 0, sleep: () => Promise.resolve() }

function startChild(program: string, job: object, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(program, import.meta.url))], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(job))
  return child
}

export async function setStage(options: SandboxOptions = {}): Promise<Stage> {
  const sandbox = await startSandbox(options)
  sandbox.github.createOrganization({ login: 'acme', owners: ['admin'] })
  const reach = {
    bitbucket: { baseUrl: sandbox.bitbucket.url, auth: { token: sandbox.bitbucket.token } },
    github: { baseUrl: sandbox.github.url, gitUrl: sandbox.github.webUrl, auth: { token: sandbox.github.token } },
  }
  let number = 0
  const clients: { close(): Promise<void> }[] = []
  const close = async () => {
    await Promise.all(clients.map((client) => client.close()))
    await sandbox.close()
  }
  const targetGit = (name: string, ...args: string[]) => git(sandbox.github.repositoryPath('acme', name), ...args)
  return {
    sandbox,
    targetGit,
    async seed(repository = {}) {
      const slug = repository.slug ?? `repo-${++number}`
      const { path } = await sandbox.bitbucket.createRepository({ project: 'PRJ', ...repository, slug })
      return {
        slug,
        path,
        request: { source: { project: repository.project ?? 'PRJ', repository: slug }, target: { owner: 'acme' } },
        git: (...args) => git(path, ...args),
        commit(branch, text = 'more') {
          const parent = git(path, 'rev-parse', `refs/heads/${branch}`)
          const commit = git(path, 'commit-tree', '-p', parent, '-m', text, `${parent}^{tree}`)
          git(path, 'update-ref', `refs/heads/${branch}`, commit)
          return commit
        },
        refs: () => refsOf(path),
        targetRefs: () => refsOf(sandbox.github.repositoryPath('acme', slug)),
      }
    },
    start(program, job, env = process.env) {
      return startChild(program, { ...reach, ...job }, env)
    },
    engine(given = {}) {
      const store = given.store ?? new MemoryStore()
      const bitbucket = new BitbucketClient({ ...reach.bitbucket, retry: impatient })
      const github = new GitHubClient({ ...reach.github, retry: impatient })
      clients.push(bitbucket, github)
      const engine = new MigrationEngine({ bitbucket, github, store, retry: impatient, ...given })
      const events: ProgressEvent[] = []
      engine.on('progress', (event) => events.push(event))
      return { engine, store, events }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
