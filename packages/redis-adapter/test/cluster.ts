import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { BitbucketClient, GitHubClient, MigrationEngine } from '@saddle/core'
import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { RedisBackend } from '../src/index.ts'
import { startRedis, type TestRedis } from './redis-server.ts'

const child = fileURLToPath(new URL('worker-child.mjs', import.meta.url))

/** Both servers, a Redis, and workers in processes of their own. */
export interface Cluster extends AsyncDisposable {
  sandbox: Sandbox
  redis: TestRedis
  backend: RedisBackend
  /** Files work, and does none. */
  engine: MigrationEngine
  startWorker(): Promise<ChildProcess>
  /** Kills all workers that are still there. */
  killAll(): Promise<void>
}

export interface ClusterOptions {
  concurrency?: number
  leaseMs?: number
  lockMs?: number
}

export async function startCluster({ concurrency = 3, leaseMs = 1500, lockMs = 2000 }: ClusterOptions = {}): Promise<Cluster> {
  const sandbox = await startSandbox()
  sandbox.github.createOrganization({ login: 'acme', owners: ['admin'] })
  const redis = await startRedis()
  const backend = await RedisBackend.open({ url: redis.url })
  const clients = {
    bitbucket: { baseUrl: sandbox.bitbucket.url, auth: { token: sandbox.bitbucket.token } },
    github: { baseUrl: sandbox.github.url, gitUrl: sandbox.github.webUrl, auth: { token: sandbox.github.token } },
  }
  const [bitbucket, github] = [new BitbucketClient(clients.bitbucket), new GitHubClient(clients.github)]
  const engine = new MigrationEngine({ bitbucket, github, store: backend.store, leaseMs })
  const workers = new Set<ChildProcess>()
  const killAll = async () => {
    for (const worker of workers) {
      const gone = once(worker, 'exit')
      worker.kill('SIGKILL')
      await gone
    }
  }
  return {
    sandbox, redis, backend, engine, killAll,
    async startWorker() {
      const worker = spawn(process.execPath, [child], { stdio: ['pipe', 'pipe', 'inherit'] })
      workers.add(worker)
      worker.once('exit', () => workers.delete(worker))
      worker.stdin.end(JSON.stringify({ url: redis.url, ...clients, concurrency, leaseMs, lockMs }))
      await once(worker.stdout, 'data')
      return worker
    },
    async [Symbol.asyncDispose]() {
      await killAll()
      await engine.close()
      await Promise.all([bitbucket.close(), github.close()])
      await backend.close()
      await redis.close()
      await sandbox.close()
    },
  }
}

/** The refs of a bare repository. */
export const refsOf = (path: string): string =>
  execFileSync('git', ['-C', path, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags', 'refs/notes'], { encoding: 'utf8' })
