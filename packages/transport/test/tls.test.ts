import { expect, test } from 'vitest'
import { certificate, clientOf, serve, serveRaw } from './servers.ts'

test('a server of a private authority is trusted with its certificate, and only with it', async () => {
  const tls = await certificate()
  const other = await certificate('other.example')
  let requests = 0
  const server = await serve((_, response) => {
    requests++
    response.end('private')
  }, tls)
  const retry = { attempts: 1 }
  await expect(clientOf(server, { retry }).text('x')).rejects.toMatchObject({ code: 'TLS', retryable: false, message: expect.stringContaining('`ca`') })
  await expect(clientOf(server, { retry, ca: other.cert }).text('x')).rejects.toMatchObject({ code: 'TLS' })
  expect(requests).toBe(0)
  expect(await clientOf(server, { ca: tls.cert }).text('x')).toMatchObject({ text: 'private' })
  expect(await clientOf(server, { ca: [other.cert, tls.cert] }).text('x')).toMatchObject({ text: 'private' })
})

test('a certificate for another name is refused, with the reason', async () => {
  const tls = await certificate('elsewhere.example')
  const server = await serve((_, response) => response.end(), tls)
  await expect(clientOf(server, { ca: tls.cert }).text('x')).rejects.toMatchObject({
    code: 'TLS', message: expect.stringContaining('for another name'),
  })
})

test('a name of a file is not taken for a certificate', () => {
  expect(() => clientOf('https://host', { ca: '/etc/ssl/ca.pem' })).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', context: { option: 'ca' } }),
  )
})

test('https to a port without TLS says so', async () => {
  const server = await serve((_, response) => response.end())
  await expect(clientOf(server.url.replace('http', 'https')).text('x')).rejects.toMatchObject({
    code: 'TLS', message: expect.stringContaining('does not speak TLS'),
  })
})

test('http to a port with TLS is an error', async () => {
  const server = await serve((_, response) => response.end(), await certificate())
  const client = clientOf(server.url.replace('https', 'http'), { retry: { attempts: 1 } })
  await expect(client.text('x')).rejects.toMatchObject({ code: expect.stringMatching(/NETWORK|PROTOCOL_ERROR|INVALID_INPUT/) })
})

test('a server that never finishes the handshake is not waited for', async () => {
  const server = await serveRaw(() => undefined)
  const client = clientOf(server.url.replace('http', 'https'), { retry: { attempts: 1 }, timeouts: { connect: 100 } })
  await expect(client.text('x')).rejects.toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('no connection') })
})

test('http to a port with TLS says what to check', async () => {
  const server = await serve((_, response) => response.end(), await certificate())
  await expect(clientOf(server.url.replace('https', 'http'), { retry: { attempts: 1 } }).text('x')).rejects.toMatchObject({
    code: 'NETWORK', message: expect.stringContaining('begins with https://'),
  })
})
