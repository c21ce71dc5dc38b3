import { once } from 'node:events'
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A whole answer of the real server. */
export interface RealAnswer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** What the test makes of a request: `forward` asks the real server, and the test writes what it likes. */
export type Alter = (request: IncomingMessage, response: ServerResponse, forward: () => Promise<RealAnswer>) => Promise<void> | void

/** A server between the relay and a real one, for answers that no real server gives when a test wants them. */
export class AlteringProxy implements AsyncDisposable {
  readonly #server = createServer((request, response) => {
    const forward = () => this.#forward(request)
    void Promise.resolve(this.#alter(request, response, forward)).catch(() => response.destroy())
  })
  readonly #origin: string
  readonly #alter: Alter

  private constructor(origin: string, alter: Alter) {
    this.#origin = origin
    this.#alter = alter
  }

  /** @param url - an address of the real server; its origin is what is stood in for */
  static async before(url: string, alter: Alter): Promise<AlteringProxy> {
    const proxy = new AlteringProxy(new URL(url).origin, alter)
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  /** The same address at the proxy. */
  url(real: string): string {
    const { port } = this.#server.address() as AddressInfo
    return real.replace(this.#origin, `http://127.0.0.1:${port}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #forward(request: IncomingMessage): Promise<RealAnswer> {
    const { method, headers } = request
    const outgoing = send(this.#origin + (request.url ?? ''), { ...(method && { method }), headers: { ...headers, 'accept-encoding': 'identity' } })
    request.pipe(outgoing)
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
    return { status: answer.statusCode ?? 0, headers: { 'content-type': answer.headers['content-type'] ?? '' }, body: Buffer.concat(chunks) }
  }
}
