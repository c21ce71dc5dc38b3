import { expect, test } from 'vitest'
import { certificate, clientOf, serve, serveProxy, serveRaw } from './servers.ts'

const authorize = () => ({ authorization: 'Bearer hunter2' })
const retry = { attempts: 1 }

test('TLS goes through a tunnel, in which the proxy sees no credential', async () => {
  const tls = await certificate()
  const server = await serve(({ headers }, response) => response.end(headers.authorization), tls)
  const proxy = await serveProxy()
  const client = clientOf(server, { ca: tls.cert, proxy: proxy.url, authorize })
  expect((await client.text('x')).text).toBe('Bearer hunter2')
  expect((await client.text('y')).text).toBe('Bearer hunter2')
  expect(proxy.seen[0]).toContain(`CONNECT 127.0.0.1:${server.port}`)
  expect(proxy.seen.join()).not.toContain('hunter2')
})

test('the certificate of the server is checked through the tunnel, too', async () => {
  const server = await serve((_, response) => response.end(), await certificate())
  const proxy = await serveProxy()
  await expect(clientOf(server, { proxy: proxy.url, retry }).text('x')).rejects.toMatchObject({ code: 'TLS' })
})

test('plain HTTP is forwarded', async () => {
  const server = await serve((request, response) => void request.pipe(response))
  const proxy = await serveProxy()
  const client = clientOf(server, { proxy: proxy.url })
  for (const body of ['first', 'second']) expect((await client.text('x?a=1', { method: 'PUT', body })).text).toBe(body)
  expect(proxy.seen).toEqual(Array(2).fill(`PUT ${server.url}/x?a=1`))
})

test('hosts of noProxy are reached directly', async () => {
  const server = await serve((_, response) => response.end('direct'))
  const proxy = await serveProxy()
  const client = clientOf(server, { proxy: proxy.url, noProxy: 'example.com, 127.0.0.1' })
  expect((await client.text('x')).text).toBe('direct')
  expect(proxy.connections).toBe(0)
})

test('a proxy gets the credentials in its address, and errors do not tell them', async () => {
  const tls = await certificate()
  const server = await serve((_, response) => response.end('through'), tls)
  const proxy = await serveProxy({ authorization: `Basic ${Buffer.from('jane:p@ss').toString('base64')}` })
  const address = (password: string) => proxy.url.replace('//', `//jane:${password}@`)
  expect((await clientOf(server, { ca: tls.cert, proxy: address('p%40ss') }).text('x')).text).toBe('through')
  for (const url of [server.url, server.url.replace('https', 'http')]) {
    const wrong = clientOf(url, { ca: tls.cert, proxy: address('wr0ng'), retry })
    await expect(wrong.text('x')).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED', retryable: false, message: expect.stringMatching(/^(?!.*wr0ng).*proxy/),
    })
  }
})

test('a proxy that is away, or takes a connection and says nothing, is an error and not an abort', async () => {
  const tls = await certificate()
  const server = await serve((_, response) => response.end(), tls)
  const refusing = await serveRaw((socket) => socket.end('HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n'))
  await expect(clientOf(server, { ca: tls.cert, proxy: refusing.url, retry }).text('x')).rejects.toMatchObject({
    code: 'NETWORK', message: expect.stringContaining('503'),
  })
  const silent = await serveRaw(() => undefined)
  await expect(clientOf(server, { ca: tls.cert, proxy: silent.url, retry, timeouts: { connect: 100 } }).text('x')).rejects.toMatchObject({
    code: 'TIMEOUT',
  })
})

test.each(['socks5://host', 'host:3128', ''.padEnd(3)])('%j is no HTTP proxy', (proxy) => {
  expect(() => clientOf('https://host', { proxy })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', context: { option: 'proxy' } }))
})
