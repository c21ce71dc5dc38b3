import { Readable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { HostBudget, SaddleError } from '../src/index.ts'
import { clientOf, serve, serveRaw } from './servers.ts'

const retry = { attempts: 1 }

describe('patience', () => {
  test('ends before the answer begins', async () => {
    const server = await serve(() => undefined)
    await expect(clientOf(server, { retry, timeouts: { headers: 100 } }).text('x')).rejects.toMatchObject({
      code: 'TIMEOUT', retryable: true, message: expect.stringContaining('did not begin'),
    })
  })

  test('ends when the answer stops coming', async () => {
    const server = await serve((_, response) => void response.writeHead(200).write('half'))
    await expect(clientOf(server, { retry, timeouts: { idleBody: 100 } }).text('x')).rejects.toMatchObject({
      code: 'TIMEOUT', message: expect.stringContaining('stopped coming'),
    })
  })

  test('can be given for one request', async () => {
    const server = await serve((_, response) => void response.writeHead(200).write('half'))
    await expect(clientOf(server, { retry }).text('x', { idleBodyTimeout: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    const silent = await serve(() => undefined)
    await expect(clientOf(silent, { retry }).text('x', { headersTimeout: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  test('ends with a server that trickles, once and for all', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write('.'), 10)
      response.on('close', () => clearInterval(drip))
    })
    const client = clientOf(server, { timeouts: { total: 150, idleBody: 5000 } })
    await expect(client.text('x')).rejects.toMatchObject({ code: 'TIMEOUT', retryable: false })
    await expect(client.fetch(`${server.url}/x`)).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(client.heard.retry).toEqual([])
  })

  test('is not used up by waiting for the budget', async () => {
    const server = await serve((_, response) => response.end('ok'))
    const budget = new HostBudget()
    budget.pause(200)
    expect((await clientOf(server, { budget, timeouts: { total: 150 } }).text('x')).text).toBe('ok')
  })
})

describe('an abort', () => {
  test.each([undefined, 'x', new Error('closing')])('with %s before a request sends nothing', async (reason) => {
    const server = await serve((_, response) => response.end())
    const client = clientOf(server)
    const signal = AbortSignal.abort(reason)
    for (const call of [() => client.text('x', { signal }), () => client.request('x', { signal }), () => client.fetch(`${server.url}/x`, { signal })]) {
      await expect(call()).rejects.toMatchObject({ code: 'ABORTED' })
    }
    expect(server.connections).toBe(0)
  })

  test.each(['x', new Error('closing')])('with %s while waiting for an answer cuts the connection', async (reason) => {
    const controller = new AbortController()
    const server = await serve(() => controller.abort(reason))
    const client = clientOf(server)
    await expect(client.request('x', { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(client.heard.retry).toEqual([])
  })

  test('in the middle of a body ends the reading of it', async () => {
    const controller = new AbortController()
    const server = await serve((_, response) => void response.writeHead(200).write('half', () => controller.abort('x')))
    await expect(clientOf(server).text('x', { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('in the middle of a stream destroys it', async () => {
    const controller = new AbortController()
    const server = await serve((_, response) => void response.writeHead(200).write('half'))
    const { body } = await clientOf(server).request('x', { signal: controller.signal })
    controller.abort()
    await expect(body.toArray()).rejects.toThrow()
  })

  test('while the upload is under way ends it', async () => {
    const controller = new AbortController()
    const server = await serve((request) => void request.once('data', () => controller.abort()))
    const body = Readable.from((async function* () { for (;;) yield Buffer.alloc(1024) })())
    await expect(clientOf(server).request('x', { method: 'POST', body, signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(body.destroyed).toBe(true)
  })

  test('keeps the reason when it is one of ours', async () => {
    const controller = new AbortController()
    const server = await serve(() => controller.abort(new SaddleError('LEASE_LOST', 'taken over')))
    await expect(clientOf(server).text('x', { signal: controller.signal })).rejects.toMatchObject({ code: 'LEASE_LOST' })
  })

  test('of a deadline is TIMEOUT, and nothing is tried again', async () => {
    const server = await serve(() => undefined)
    const client = clientOf(server)
    await expect(client.text('x', { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(client.heard.retry).toEqual([])
  })

  test('leaves nothing on a signal that lives longer than the requests', async () => {
    const server = await serve((_, response) => response.end('x'))
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = ((...args: Parameters<typeof add>) => { listeners++; add(...args) })
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => { listeners--; remove(...args) })
    const client = clientOf(server)
    for (let i = 0; i < 3; i++) await client.text('x', { signal })
    expect(listeners).toBe(0)
  })
})

describe('the place in the budget', () => {
  /** A budget with one place; `free` tells whether a request could start now. */
  function onePlace() {
    const budget = new HostBudget({ concurrency: 1 })
    const free = async () => {
      const release = await budget.acquire({}, { signal: AbortSignal.timeout(2000) })
      release()
      return true
    }
    return { budget, free }
  }

  test.each([
    ['is read', 'long', (body: Readable) => body.toArray()],
    ['is destroyed', 'long', async (body: Readable) => void body.destroy()],
    ['is empty and never read', '', async () => undefined],
    ['is begun and left', 'long', async (body: Readable) => { for await (const _ of body) break }],
  ])('is free again once the body %s', async (_name, text, use) => {
    const server = await serve((_request, response) => response.end(text && 'x'.repeat(500_000)))
    const { budget, free } = onePlace()
    const client = clientOf(server, { budget })
    await use((await client.request('x')).body)
    expect(await free()).toBe(true)
    expect((await client.text('x')).status).toBe(200)
  })

  test('is free again when nobody reads the body in time', async () => {
    const server = await serve((_, response) => response.end('x'.repeat(500_000)))
    const { budget, free } = onePlace()
    const { body } = await clientOf(server, { budget, timeouts: { idleBody: 100 } }).request('x')
    expect(await free()).toBe(true)
    await expect(body.toArray()).rejects.toThrow()
  })

  test('is free again after failures of all kinds', async () => {
    const { budget, free } = onePlace()
    const failing = await serve((_, response) => response.writeHead(404).end())
    await expect(clientOf(failing, { budget }).text('x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await free()).toBe(true)
    const resetting = await serveRaw((socket) => socket.resetAndDestroy())
    await expect(clientOf(resetting, { budget, retry }).text('x')).rejects.toMatchObject({ code: 'NETWORK' })
    expect(await free()).toBe(true)
    const authorize = () => { throw new SaddleError('AUTHENTICATION_FAILED', 'no token') }
    await expect(clientOf(failing, { budget, authorize }).text('x')).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    expect(await free()).toBe(true)
  })

  test('is waited for, and the wait is reported and can be cancelled', async () => {
    const server = await serve((_, response) => response.end('x'.repeat(500_000)))
    const { budget } = onePlace()
    const client = clientOf(server, { budget })
    const { body } = await client.request('x')
    await expect(client.text('x', { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(client.heard.throttle).toEqual([{ host: `127.0.0.1:${server.port}`, path: '/x', reason: 'concurrency', waitMs: 0 }])
    body.destroy()
    expect((await client.text('x')).status).toBe(200)
  })
})

describe('a closed client', () => {
  test('finishes what is under way, and takes nothing more', async () => {
    const server = await serve((_, response) => void response.writeHead(200).write('half', () => response.end('done')))
    const client = clientOf(server)
    const answer = client.text('x')
    await vi.waitFor(() => expect(server.connections).toBe(1))
    const closed = client.close()
    expect((await answer).text).toBe('halfdone')
    await Promise.all([closed, client.close()])
    await expect(client.text('x')).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('closed') })
    await expect.poll(() => server.open).toBe(0)
  })

  test('leaves the connections that belong to another one', async () => {
    const server = await serve((_, response) => response.end('x'))
    const owner = clientOf(server)
    await clientOf(server, { dispatcher: owner.dispatcher }).close()
    expect((await owner.text('x')).text).toBe('x')
  })
})

describe('Retry-After', () => {
  const limited = (retryAfter: string | undefined) => {
    let requests = 0
    return serve((_, response) => {
      if (requests++ > 0) return response.end('ok')
      return response.writeHead(429, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end()
    })
  }

  test.each([
    ['in seconds', '7', 7000],
    ['as a date', new Date(Date.now() + 3_600_000).toUTCString(), expect.closeTo(3_590_000, -5)],
    ['that makes no sense', 'soon', 250],
    ['that is missing', undefined, 250],
  ])('%s is obeyed', async (_name, header, expected) => {
    const pauses: number[] = []
    const budget = new HostBudget()
    budget.pause = (milliseconds) => void pauses.push(milliseconds)
    const waits: number[] = []
    const client = clientOf(await limited(header), {
      budget,
      retry: { random: () => 0.5, maxRetryAfter: 2 * 3_600_000, sleep: async (milliseconds) => void waits.push(milliseconds) },
    })
    expect((await client.text('x')).text).toBe('ok')
    const asked = header === '7' || header?.endsWith('GMT')
    expect(pauses).toEqual(asked ? [expected] : [])
    expect(waits).toEqual([header === '7' ? 7250 : expected])
  })

  test('that is too long fails at once, says how long, and holds nobody else up', async () => {
    const budget = new HostBudget()
    const client = clientOf(await limited('86400'), { budget })
    await expect(client.text('x')).rejects.toMatchObject({ code: 'RATE_LIMITED', context: { retryAfter: 86400, attempts: 1 } })
    expect((await client.text('x')).text).toBe('ok')
  })
})
