import { expect, test } from 'vitest'
import { clientOf, serve } from './servers.ts'

const authorize = () => ({ authorization: 'Bearer hunter2' })

test('a redirect to another host is never followed, and nothing is sent there', async () => {
  const elsewhere = await serve((_, response) => response.end('stolen'))
  const server = await serve((_, response) => response.writeHead(302, { location: `${elsewhere.url}/x?token=1` }).end())
  for (const followRedirects of [false, true]) {
    const client = clientOf(server, { authorize })
    await expect(client.text('x', { followRedirects })).rejects.toMatchObject({
      code: 'REDIRECTED', retryable: false, context: { status: 302 }, message: expect.not.stringContaining('token=1'),
    })
    expect(client.heard.request).toMatchObject([{ status: 302 }])
  }
  expect(elsewhere.connections).toBe(0)
})

test('a redirect within the server is followed on request only', async () => {
  const seen: unknown[] = []
  const server = await serve(({ url, headers }, response) => {
    seen.push([url, headers.authorization])
    if (url === '/new?a=1') return response.end('here')
    return response.writeHead(301, { location: '/new?a=1' }).end('moved')
  })
  const client = clientOf(server, { authorize })
  await expect(client.text('old')).rejects.toMatchObject({ code: 'REDIRECTED' })
  expect(await client.text('old', { followRedirects: true })).toMatchObject({ status: 200, text: 'here' })
  expect(seen).toEqual([['/old', 'Bearer hunter2'], ['/old', 'Bearer hunter2'], ['/new?a=1', 'Bearer hunter2']])
})

test('a circle of redirects ends', async () => {
  let requests = 0
  const server = await serve((_, response) => {
    requests++
    response.writeHead(302, { location: '/again' }).end()
  })
  await expect(clientOf(server).text('x', { followRedirects: true })).rejects.toMatchObject({ code: 'REDIRECTED' })
  expect(requests).toBe(4)
})

test('a redirected write is not sent again', async () => {
  const methods: unknown[] = []
  const server = await serve(({ method }, response) => {
    methods.push(method)
    response.writeHead(307, { location: '/again' }).end()
  })
  await expect(clientOf(server).text('x', { method: 'PUT', body: 'x', followRedirects: true })).rejects.toMatchObject({ code: 'REDIRECTED' })
  expect(methods).toEqual(['PUT'])
})

test.each(['http://', 'https://user:pw@[', ''])('a redirect to %j leads nowhere', async (location) => {
  const server = await serve((_, response) => response.writeHead(302, { location }).end())
  await expect(clientOf(server).text('x')).rejects.toMatchObject({ code: 'REDIRECTED' })
})

test('a redirect from http to https says which address to give', async () => {
  const server = await serve((_, response) => response.writeHead(301, { location: 'https://127.0.0.1/x' }).end())
  await expect(clientOf(server).text('x', { followRedirects: true })).rejects.toMatchObject({ message: expect.stringContaining('https://') })
})
