import { brotliCompressSync, deflateSync, gzipSync, constants, createGzip } from 'node:zlib'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { clientOf, serve } from './servers.ts'

const respond = (encoding: string, body: Buffer) => serve((_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(body))

test.each([
  ['gzip', gzipSync('text')], ['x-gzip', gzipSync('text')], ['GZIP', gzipSync('text')], ['deflate', deflateSync('text')],
  ['br', brotliCompressSync('text')], ['identity', Buffer.from('text')],
])('an answer in %s is read', async (encoding, body) => {
  expect((await clientOf(await respond(encoding, body)).text('x')).text).toBe('text')
})

test('an answer in an encoding that was not asked for is an error', async () => {
  await expect(clientOf(await respond('compress', Buffer.from('x'))).text('x')).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
})

test('an answer that is not what its encoding says is an error', async () => {
  await expect(clientOf(await respond('gzip', Buffer.from('not gzip'))).text('x')).rejects.toMatchObject({
    code: 'PROTOCOL_ERROR', message: expect.stringContaining('uncompressed'),
  })
})

test('an error in gzip is read, too', async () => {
  const server = await serve((_, response) => response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('requires TLS')))
  await expect(clientOf(server).text('x')).rejects.toMatchObject({ message: expect.stringContaining('https://') })
})

test.each(['HEAD', 'DELETE'] as const)('an empty answer to %s is no broken gzip', async (method) => {
  const server = await serve((_, response) => response.writeHead(method === 'HEAD' ? 200 : 204, { 'content-encoding': 'gzip' }).end())
  expect((await clientOf(server).text('x', { method })).text).toBe('')
})

test('a gzip bomb is not inflated: reading ends at 32 MiB, in little memory', async () => {
  const zeros = Buffer.alloc(1024 * 1024)
  const server = await serve((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    Readable.from((function* () { for (let i = 0; i < 1024; i++) yield zeros })())
      .pipe(createGzip({ level: constants.Z_BEST_SPEED }))
      .pipe(response)
  })
  const client = clientOf(server)
  let peak = 0
  const sample = setInterval(() => { peak = Math.max(peak, process.memoryUsage().external + process.memoryUsage().heapUsed) }, 5)
  const before = process.memoryUsage().external + process.memoryUsage().heapUsed
  try {
    await expect(client.text('x')).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', retryable: false, context: { limitBytes: 32 * 1024 * 1024 } })
  } finally {
    clearInterval(sample)
  }
  expect(peak - before).toBeLessThan(160 * 1024 * 1024)
  expect(client.heard.request).toHaveLength(1)
})

test('an endless plain body ends at the limit, and the connection is cut', async () => {
  const chunk = Buffer.alloc(256 * 1024)
  let closed = false
  const server = await serve((_, response) => {
    const write = () => { while (!closed && response.write(chunk)); }
    response.on('drain', write).on('close', () => { closed = true })
    write()
  })
  await expect(clientOf(server).json('x')).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
  await expect.poll(() => closed).toBe(true)
})

test('a stream is handed out uncompressed, chunk by chunk', async () => {
  const server = await respond('gzip', gzipSync(Buffer.alloc(3_000_000, 1)))
  const { body } = await clientOf(server).request('x')
  let size = 0
  let largest = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    largest = Math.max(largest, chunk.length)
  }
  expect(size).toBe(3_000_000)
  expect(largest).toBeLessThan(200_000)
})

test('a body that breaks off before anybody reads it does not end the process, and its reader is told', async () => {
  const server = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half', () => response.socket?.resetAndDestroy())
  })
  const { body } = await clientOf(server).request('x')
  await new Promise((resolve) => body.once('close', resolve).resume())
  expect(body.errored).toMatchObject({ message: expect.any(String) })
})
