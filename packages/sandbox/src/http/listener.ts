import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultList, type FaultHandle, type FaultRule } from '../faults.ts'
import { applyFault } from './apply-fault.ts'
import { recordRequest, type RecordedRequest } from './recording.ts'

/** Where a server listens, and with which certificate. */
export interface ListenerOptions {
  readonly host?: string
  /** 0, the default, for any free port. */
  readonly port?: number
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Milliseconds to wait before each request is looked at. Asked anew each time. */
  readonly delayMs: () => number
}

/** What an exchange carries beyond Node's own pair. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The path and query, parsed. */
  readonly url: URL
  /** Whether a push is to be confirmed without being carried out (the `lie` fault). */
  readonly lie: boolean
}

/** A server on loopback: each request is recorded, delayed, subjected to the faults asked for, and then handled. */
export class Listener {
  readonly requests: RecordedRequest[] = []
  readonly faults = new FaultList()
  readonly #options: ListenerOptions
  readonly #handle: (exchange: Exchange) => Promise<void>
  readonly #servers: Server[] = []

  constructor(options: ListenerOptions, handle: (exchange: Exchange) => Promise<void>) {
    this.#options = options
    this.#handle = handle
  }

  /** Begins to listen, on one more port when called again. Returns scheme, host and port. */
  async listen(port = this.#options.port ?? 0): Promise<string> {
    const { host = '127.0.0.1', tls } = this.#options
    const listener: RequestListener = (request, response) => void this.#accept(request, response)
    const timing = { keepAliveTimeout: 120_000, requestTimeout: 0 }
    const server = tls ? createTlsServer({ ...tls, ...timing }, listener) : createServer(timing, listener)
    // A connection that a fault resets, or a client drops, is no failure of the server.
    server.on('connection', (socket: Socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
    this.#servers.push(server)
    const { port: actual } = server.address() as AddressInfo
    return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${actual}`
  }

  /** Makes requests fail from now on. */
  fault(rule: FaultRule): FaultHandle {
    return this.faults.add(rule)
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })))
  }

  async #accept(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {})
    response.on('error', () => {})
    const record = recordRequest(request, response)
    this.requests.push(record)
    const fault = this.faults.match(record)
    const delay = this.#options.delayMs()
    try {
      if (delay > 0) await sleep(delay)
      const outcome = fault ? await applyFault(fault, request, response, record) : 'go on'
      if (outcome === 'answered') return
      const url = new URL(`http://sandbox.invalid${request.url ?? '/'}`)
      await this.#handle({ request, response, url, lie: outcome === 'lie' })
    } catch (error) {
      if (response.headersSent) return void response.destroy()
      response.writeHead(500, { 'content-type': 'text/plain' })
      response.end(`sandbox: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    }
  }
}

/** A listener's options, as the options of a server have them. */
export function listenerOptions(
  { tls, delayMs }: Pick<ListenerOptions, 'tls' | 'delayMs'>,
  { host, port }: { readonly host?: string; readonly port?: number },
): ListenerOptions {
  return { delayMs, ...(tls ? { tls } : {}), ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) }
}
