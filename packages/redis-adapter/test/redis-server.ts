import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'

const program = process.env['PATH']!.split(delimiter).map((folder) => join(folder, 'redis-server')).find(existsSync)

/**
 * Whether these tests can run. Without a server they are skipped, loudly; where all services must be there
 * (SADDLE_REQUIRE_SERVICES=1), that is a failure.
 */
export const hasRedis = (() => {
  if (program) return true
  if (process.env['SADDLE_REQUIRE_SERVICES'] === '1') throw new Error('redis-server is not installed, and SADDLE_REQUIRE_SERVICES=1 asks for it.')
  console.warn('\n*** redis-server is not installed: the tests of @saddle/redis-adapter are SKIPPED. ***\n')
  return false
})()

/** A Redis server of a test's own. */
export interface TestRedis {
  port: number
  url: string
  pid: number
  /** Stops it as a loss of power would; what it had written to its log stays. */
  kill(): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  /** Removes all data. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Starts a server in a folder of its own, writing each change to disk at once. */
export async function startRedis(...settings: string[]): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'saddle-redis-'))
  const port = await freePort()
  let child: ChildProcess
  const start = async () => {
    child = spawn(
      program!,
      ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', ...settings],
      { stdio: 'ignore' },
    )
    const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null })
    redis.on('error', () => {})
    await redis.ping()
    redis.disconnect()
  }
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child.pid!
    },
    start,
    kill,
    async flush() {
      const redis = new Redis({ port, host: '127.0.0.1' })
      await redis.flushall()
      redis.disconnect()
    },
    async close() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
