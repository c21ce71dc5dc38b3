import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { BitbucketClient, GitHubClient, MigrationEngine } from '@saddle/core'
import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { RedisBackend } from '../src/index.ts'
import { startRedis, type TestRedis } from '../../../scripts/redis-server.ts'

const child = fileURLToPath(new URL('worker-child.mjs', import.meta.url))

/** Both servers, a Redis, and workers in processes of their own. */
export interface Cluster extends AsyncDisposable {
  sandbox: Sandbox
  redis: TestRedis
  backend: RedisBackend
  /** Files work, and does none. */
  engine: MigrationEngine
  startWorker(options?: { redisPort?: number }): Promise<ChildProcess>
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
    async startWorker({ redisPort = redis.port } = {}) {
      const worker = spawn(process.execPath, [child], { stdio: ['pipe', 'pipe', 'inherit'] })
      workers.add(worker)
      worker.once('exit', () => workers.delete(worker))
      worker.stdin.end(JSON.stringify({ url: `redis://127.0.0.1:${redisPort}`, ...clients, concurrency, leaseMs, lockMs }))
      const [ready] = await Promise.race([once(worker.stdout, 'data'), once(worker, 'exit')])
      if (!String(ready).includes('ready')) throw new Error(`the worker ended with ${String(ready)}: is everything built?`)
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
