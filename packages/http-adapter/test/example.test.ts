import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { setStage, type Stage } from './stage.ts'

const example = fileURLToPath(new URL('../../../examples/migrate-over-http.mjs', import.meta.url))

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

/** Passes bytes on to the server, and cuts every connection when told to. */
async function cuttable(port: number) {
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    client.pipe(server).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: () => new Promise((resolve) => { proxy.close(resolve); sockets.forEach((socket) => socket.destroy()) }),
  }
}

async function run(url: string, argv: string[], onLine: (line: string) => void = () => {}) {
  const { bitbucket, github } = stage.sandbox
  const child = spawn(process.execPath, [example, ...argv], {
    env: { PATH: process.env['PATH'], SADDLE_URL: url, BITBUCKET_USERNAME: bitbucket.adminUsername, BITBUCKET_PASSWORD: bitbucket.adminPassword, GITHUB_TOKEN: github.token },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (texts.stdout += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => {
    texts.stderr += String(chunk)
    String(chunk).trim().split('\n').forEach(onLine)
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, ...texts }
}

it('the example follows a migration over cut connections, and sees every event once', async () => {
  await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'tool' })
  const proxy = await cuttable(stage.port)
  let goOn = () => {}
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const held = stage.sandbox.github.fault({ method: 'POST', path: 'tool.git/git-receive-pack', action: { before: () => gate } })
  let cuts = 0
  const running = run(proxy.url, ['PRJ/tool', 'acme/tool'], (line) => {
    if (line === '(connecting again)' || cuts > 0 || !line.includes('Cloning repository')) return
    cuts++
    proxy.cut()
  })
  await held.fired
  await expect.poll(() => cuts).toBe(1)
  goOn()
  const { code, stdout, stderr } = await running
  await proxy.close()
  expect(stderr).toContain('(connecting again)')
  const numbers = [...stderr.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', source: { repository: 'tool' } })
  expect(code).toBe(0)
})

it('the example says what the server says no with', async () => {
  const { code, stderr } = await run(stage.url, ['PRJ/none', 'acme/none'])
  expect(stderr).toMatch(/^404 NOT_FOUND: /)
  expect(code).toBe(1)
  expect((await run(stage.url, [])).code).toBe(2)
})
