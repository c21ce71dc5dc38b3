import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { requiredProgram } from './required-program.ts'

const program = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'redis-server')).find(existsSync)

/** Whether tests that need a Redis can run. */
export const hasRedis = requiredProgram('redis-server', program !== undefined)

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
  /** Everything that was ever written to it, from its log on disk. */
  written(): Promise<string>
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
    // While it starts it refuses connections, then commands.
    while ((await command(port, 'PING').catch(() => '')) !== '+PONG') {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`)
      await sleep(20)
    }
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
      await command(port, 'FLUSHALL')
    },
    async written() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      const files = entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1'))
      return (await Promise.all(files)).join('\n')
    },
    async close() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Sends one command and returns the first line of the answer. */
async function command(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write(`${text}\r\n`)
    const [data] = (await once(socket, 'data')) as [Buffer]
    return data.toString().split('\r\n')[0]!
  } finally {
    socket.destroy()
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
