import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { HostBudget } from '../src/index.ts'
import { clientOf, serve } from './servers.ts'

test('sends what it is given, adds no credential and reports the request', async () => {
  const server = await serve((request, response) => {
    response.setHeader('x-seen', JSON.stringify([request.method, request.url, request.headers.authorization, request.headers['content-type']]))
    request.pipe(response)
  })
  const client = clientOf(server, { authorize: () => ({ authorization: 'Bearer hunter2' }) })
  const response = await client.fetch(`${server.url}/x?y=1`, {
    method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json', authorization: 'token own' }, attempt: 3,
  })
  expect(response).toMatchObject({ status: 200, ok: true, url: `${server.url}/x?y=1` })
  expect(JSON.parse(response.headers.get('x-seen')!)).toEqual(['POST', '/x?y=1', 'token own', 'application/json'])
  expect(await response.json()).toEqual({ a: 1 })
  expect(client.heard.request).toMatchObject([{ method: 'POST', path: '/x', status: 200, attempt: 3 }])
  const bare = await client.fetch(`${server.url}/x`)
  expect(bare.headers.get('x-seen')).not.toContain('hunter2')
})

test.each([301, 404, 429, 500])('hands back %i as it is, once', async (status) => {
  let requests = 0
  const server = await serve((_, response) => {
    requests++
    response.writeHead(status, { location: 'https://evil/' }).end('body')
  })
  const response = await clientOf(server).fetch(`${server.url}/x`)
  expect([response.status, await response.text(), requests]).toEqual([status, 'body', 1])
})

test.each([204, 304])('takes %i, which has no body', async (status) => {
  const server = await serve((_, response) => response.writeHead(status).end())
  const response = await clientOf(server).fetch(`${server.url}/x`)
  expect([response.status, response.body]).toEqual([status, null])
})

test('undoes gzip', async () => {
  const server = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('text')))
  const response = await clientOf(server).fetch(`${server.url}/x`)
  expect([await response.text(), response.headers.get('content-encoding')]).toEqual(['text', null])
})

test('refuses any other origin', async () => {
  const server = await serve((_, response) => response.end())
  await expect(clientOf(server).fetch('https://evil/x')).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
})

test('draws on the budget, and a limit that is answered holds it back', async () => {
  const server = await serve((_, response) => response.writeHead(403, { 'retry-after': '3600', 'content-type': 'text/plain' }).end())
  const budget = new HostBudget({ concurrency: 1 })
  const client = clientOf(server, { budget, retry: { maxRetryAfter: 3_600_000 } })
  expect((await client.fetch(`${server.url}/x`)).status).toBe(403)
  await expect(client.fetch(`${server.url}/x`, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(client.heard.throttle).toMatchObject([{ reason: 'told' }])
  expect(client.heard.request).toHaveLength(1)
})

test('turns a broken connection into an error that says what happened', async () => {
  const server = await serve(({ socket }) => void socket.resetAndDestroy())
  await expect(clientOf(server).fetch(`${server.url}/x`)).rejects.toMatchObject({ code: 'NETWORK' })
})
