import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { SaddleError, type FailedAnswer } from '../src/index.ts'
import { clientOf, serve, serveInTurn, serveRaw } from './servers.ts'

const status = (code: number, headers: Record<string, string> = {}, body = '') =>
  (_: unknown, response: ServerResponse) => void response.writeHead(code, headers).end(body)
const ok = status(200, { 'content-type': 'application/json' }, '{"fine":true}')
const reset = (request: IncomingMessage) => void request.socket.resetAndDestroy()
const cut = (_: unknown, response: ServerResponse) => {
  response.writeHead(200, { 'content-length': '100' })
  response.write('{"half":', () => response.socket?.resetAndDestroy())
}

describe('a request', () => {
  test('goes below the context path with its credentials, and is reported', async () => {
    const seen: unknown[] = []
    const server = await serve(({ url, headers }, response) => {
      seen.push(url, headers.authorization, headers['user-agent'])
      response.end('hello')
    })
    const client = clientOf(`${server.url}/bitbucket/`, { authorize: () => ({ authorization: 'Bearer t0ken' }), userAgent: 'test/1' })
    expect(await client.text('rest/x?q=1')).toMatchObject({ status: 200, text: 'hello' })
    expect(seen).toEqual(['/bitbucket/rest/x?q=1', 'Bearer t0ken', 'test/1'])
    expect(client.heard.request).toEqual([
      { method: 'GET', host: `127.0.0.1:${server.port}`, path: '/bitbucket/rest/x', status: 200, durationMs: expect.any(Number), attempt: 1 },
    ])
  })

  test('keeps its connection for the next ones', async () => {
    const server = await serve((_, response) => response.end('x'))
    const client = clientOf(server)
    for (let i = 0; i < 20; i++) await client.text('x')
    // An answer is handed out a moment before its connection is free again, so a second one may be opened.
    expect(server.connections).toBeLessThanOrEqual(2)
  })

  test('asks for its credentials anew on every try', async () => {
    const seen: unknown[] = []
    const server = await serve(({ headers }, response) => {
      seen.push(headers.authorization)
      response.writeHead(seen.length < 3 ? 502 : 200).end()
    })
    let tokens = 0
    await clientOf(server, { authorize: async () => ({ authorization: `Bearer ${++tokens}` }) }).text('x')
    expect(seen).toEqual(['Bearer 1', 'Bearer 2', 'Bearer 3'])
  })

  test('streams a body and hands back a stream', async () => {
    const server = await serve((request, response) => void request.pipe(response))
    const answer = await clientOf(server).request('x', { method: 'POST', body: Readable.from([Buffer.from('a'), Buffer.from('b')]) })
    expect(await text(answer.body)).toBe('ab')
  })

  test('cannot smuggle a header through a value', async () => {
    const server = await serve((_, response) => response.end())
    const client = clientOf(server)
    await expect(client.text('x', { headers: { 'x-a': 'b\r\nx-evil: 1' } })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    expect(server.connections).toBe(0)
    expect(client.heard.retry).toEqual([])
  })

  test.each([
    'https://evil/', 'http://127.0.0.1:1/', 'file:///etc/passwd', 'https://127.0.0.1@evil/', '\\\\evil\\x\r\n', '/x\r\nx-evil: 1',
  ])('to %j is refused before anything is sent', async (address) => {
    const server = await serve((_, response) => response.end())
    await expect(clientOf(server).text(address)).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    expect(server.connections).toBe(0)
  })

  test('with credentials in its address is refused, also at the right server, and they are not repeated', async () => {
    const server = await serve((_, response) => response.end())
    const failure = await clientOf(server).text(server.url.replace('//', '//jane:hunter2@')).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    expect(JSON.stringify(failure)).not.toContain('hunter2')
    expect(server.connections).toBe(0)
  })

  test('that looks like another host in its path stays at this one', async () => {
    const server = await serve(({ url }, response) => response.end(url))
    const client = clientOf(server)
    expect((await client.text('//evil/x')).text).toBe('//evil/x')
    expect((await client.text('@evil/x')).text).toBe('/@evil/x')
  })
})

describe('a passing failure', () => {
  test.each([
    ['a reset before the answer', reset, 'NETWORK'],
    ['a reset in the middle of the body', cut, 'NETWORK'],
    ['500', status(500), 'UPSTREAM_ERROR'],
    ['503', status(503), 'UPSTREAM_ERROR'],
    ['408', status(408), 'TIMEOUT'],
    ['429', status(429), 'RATE_LIMITED'],
  ])('%s is tried again', async (_name, fail, code) => {
    const server = await serveInTurn(fail, fail, ok)
    const client = clientOf(server)
    expect((await client.json('x')).data).toEqual({ fine: true })
    expect(client.heard.retry.map((event) => [event.attempt, event.code])).toEqual([[1, code], [2, code]])
    expect(client.heard.request.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  })

  test('that lasts ends with the last error, which knows how often it was tried', async () => {
    const server = await serve(status(502))
    await expect(clientOf(server).text('x')).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', context: { attempts: 5, status: 502 } })
  })

  test('of a request that creates something is not tried again', async () => {
    const server = await serveInTurn(cut, ok)
    const client = clientOf(server)
    await expect(client.json('x', { method: 'POST', body: '{}' })).rejects.toMatchObject({ code: 'NETWORK' })
    expect(client.heard.request).toHaveLength(1)
  })

  test('of a POST that is said to be harmless is tried again, and of a stream never', async () => {
    const first = clientOf(await serveInTurn(reset, ok))
    expect((await first.json('x', { method: 'POST', body: '{}', idempotent: true })).status).toBe(200)
    const second = clientOf(await serveInTurn(reset, ok))
    const body = Readable.from([Buffer.from('x')])
    await expect(second.json('x', { method: 'PUT', body, idempotent: true })).rejects.toMatchObject({ code: 'NETWORK' })
  })
})

describe('a failure for good', () => {
  test.each([
    [400, 'PROTOCOL_ERROR'], [401, 'AUTHENTICATION_FAILED'], [403, 'FORBIDDEN'], [404, 'NOT_FOUND'], [409, 'CONFLICT'],
    [418, 'PROTOCOL_ERROR'], [501, 'UPSTREAM_ERROR'],
  ])('%i is %s at once', async (code, expected) => {
    const client = clientOf(await serve(status(code)))
    await expect(client.text('some/where')).rejects.toMatchObject({ code: expected, retryable: false })
    expect(client.heard.request).toHaveLength(1)
    expect(client.heard.request[0]).toMatchObject({ status: code })
  })

  test('is made by the caller, from a text without secrets', async () => {
    const client = clientOf(await serve((request, response) => {
      response.writeHead(400, { 'x-arequestid': 'r-1' }).end(`you sent ${request.headers.authorization}`)
    }), { authorize: () => ({ authorization: 'Bearer hunter2' }) })
    client.redactor.add('hunter2')
    const errorOf = ({ text: said, context }: FailedAnswer) => new SaddleError('CONFLICT', said, { context })
    await expect(client.text('x', { errorOf })).rejects.toMatchObject({
      code: 'CONFLICT', message: 'you sent Bearer [redacted]', context: { status: 400, requestId: 'r-1', method: 'GET' },
    })
  })

  test('that comes before the upload is through is the answer, not a broken connection', async () => {
    const server = await serve(status(413, { connection: 'close' }, 'too large'))
    let sent = 0
    const body = Readable.from((async function* () {
      for (; sent < 1000; sent++) yield Buffer.alloc(64 * 1024)
    })())
    await expect(clientOf(server).request('x', { method: 'POST', body })).rejects.toMatchObject({ context: { status: 413 } })
    expect(sent).toBeLessThan(1000)
  })

  test('of a server that answers an error and never ends it comes all the same', async () => {
    const server = await serve((_, response) => void response.writeHead(404).write('x'.repeat(200_000)))
    await expect(clientOf(server).text('x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('what is wrong with an address is said', () => {
  test('nobody listens', async () => {
    await expect(clientOf(`http://127.0.0.1:${await freePort()}`, { retry: { attempts: 1 } }).text('x')).rejects.toMatchObject({
      code: 'NETWORK', message: expect.stringContaining('refuses connections'),
    })
  })

  test('the host does not exist', async () => {
    const client = clientOf('http://nowhere.invalid', { retry: { attempts: 1 } })
    await expect(client.text('x')).rejects.toMatchObject({ code: 'NETWORK', message: expect.stringContaining('cannot be resolved') })
  })

  test('it is an SSH port', async () => {
    const server = await serveRaw((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'))
    await expect(clientOf(server).text('x')).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('does not speak HTTP') })
  })

  test('it is a page and not an API', async () => {
    const server = await serve(status(200, { 'content-type': 'text/html' }, '<html>Log in'))
    await expect(clientOf(server).json('x')).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('base URL') })
  })

  test('it needs TLS', async () => {
    const server = await serve(status(400, {}, 'The plain HTTP request was sent to HTTPS port'))
    await expect(clientOf(server).text('x')).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('https://') })
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
