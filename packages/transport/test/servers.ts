import { createServer as createHttp, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { connect, createServer as createNet, type AddressInfo, type Server, type Socket } from 'node:net'
import { generate } from 'selfsigned'
import { onTestFinished } from 'vitest'
import { HttpClient, type HttpClientOptions, type HttpEvents } from '../src/index.ts'

/** A server of the test, on loopback and a free port; it is gone, with its connections, when the test has ended. */
export interface TestServer {
  readonly port: number
  readonly url: string
  /** Sockets accepted so far. */
  readonly connections: number
  /** Sockets open now. */
  readonly open: number
}

async function listen(server: Server, scheme: string): Promise<TestServer> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket) => {
    connections++
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    get connections() { return connections },
    get open() { return sockets.size },
  }
}

/** An HTTP server, or with a key and certificate an HTTPS server. */
export const serve = (listener: RequestListener, tls?: { key: string; cert: string }): Promise<TestServer> =>
  listen(tls ? createHttps(tls, listener) : createHttp(listener), tls ? 'https' : 'http')

/** A server that answers each request with the next of the listed listeners, and with the last from then on. */
export function serveInTurn(...listeners: [RequestListener, ...RequestListener[]]): Promise<TestServer> {
  let turn = 0
  return serve((request, response) => listeners[Math.min(turn++, listeners.length - 1)]!(request, response))
}

/** A server that speaks whatever the test wants. */
export const serveRaw = (onSocket: (socket: Socket) => void): Promise<TestServer> => listen(createNet(onSocket), 'http')

/** A forward proxy: tunnels for CONNECT, absolute addresses for plain HTTP. `seen` lists what it was asked for. */
export async function serveProxy({ authorization }: { authorization?: string } = {}): Promise<TestServer & { seen: string[] }> {
  const seen: string[] = []
  const refused = (request: IncomingMessage) => authorization !== undefined && request.headers['proxy-authorization'] !== authorization
  const server = createHttp((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    if (refused(request)) return response.writeHead(407).end()
    const { 'proxy-authorization': _, ...headers } = request.headers
    const onward = httpRequest(request.url!, { method: request.method!, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    return request.pipe(onward)
  })
  server.on('connect', (request, socket: Socket) => {
    seen.push(`CONNECT ${request.url} ${JSON.stringify(request.headers)}`)
    if (refused(request)) return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n')
    const { hostname, port } = new URL(`http://${request.url}`)
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket).on('error', () => onward.destroy())
      socket.pipe(onward).on('error', () => socket.destroy())
    })
    onward.on('error', () => socket.destroy())
    return onward
  })
  return Object.assign(await listen(server, 'http'), { seen })
}

/** A key and a certificate of a private authority's own making. */
export async function certificate(name = '127.0.0.1'): Promise<{ key: string; cert: string }> {
  const altNames = name === '127.0.0.1' ? [{ type: 7 as const, ip: name }] : [{ type: 2 as const, value: name }]
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keySize: 2048,
    extensions: [{ name: 'basicConstraints', cA: true }, { name: 'subjectAltName', altNames }],
  })
  return { key, cert }
}

/** What a client reported, by event. */
export type Heard = { [Name in keyof HttpEvents]: HttpEvents[Name][] }

/** A client whose retries take no time, with what it reports; closed by cutting its connections when the test has ended. */
export function clientOf(server: { url: string } | string, options: Partial<HttpClientOptions> = {}): HttpClient & { heard: Heard } {
  const baseUrl = typeof server === 'string' ? server : server.url
  const { retry, ...rest } = options
  const client = new HttpClient({ baseUrl, ...rest, retry: { sleep: async () => undefined, ...retry } })
  const heard: Heard = { request: [], retry: [], throttle: [] }
  client.on('request', (event) => heard.request.push(event))
  client.on('retry', (event) => heard.retry.push(event))
  client.on('throttle', (event) => heard.throttle.push(event))
  onTestFinished(() => client.dispatcher.destroy())
  return Object.assign(client, { heard })
}
