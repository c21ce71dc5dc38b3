import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici'
import { withPublicAuthorities } from './tls.ts'

/** How to reach a server. Times are milliseconds. */
export interface ConnectionOptions {
  /** PEM certificates of private authorities, trusted besides the public ones that Node ships. */
  ca?: string | readonly string[] | undefined
  /** URL of an HTTP proxy, as in `HTTPS_PROXY`. */
  proxy?: string | undefined
  /** Hosts reached without the proxy, as in `NO_PROXY`. */
  noProxy?: string | undefined
  timeouts?: Timeouts | undefined
  /** Connections to one host at once; more requests wait. */
  connections?: number | undefined
}

/** Patience with a server, in milliseconds. */
export interface Timeouts {
  /** Until the connection stands, TLS included. */
  connect?: number
  /** Until the answer's headers have come. */
  headers?: number
  /** Between two chunks of the answer's body. */
  idleBody?: number
}

/** What applies where an option is left out. */
export const connectionDefaults = {
  timeouts: { connect: 15_000, headers: 60_000, idleBody: 60_000 },
  connections: 32,
} as const satisfies { timeouts: Required<Timeouts>; connections: number }

/** One pool of kept-alive connections with one set of rules. Close it with `close()`. */
export function createDispatcher(options: ConnectionOptions = {}): Dispatcher {
  const timeouts = { ...connectionDefaults.timeouts, ...options.timeouts }
  const tls = options.ca === undefined ? {} : { ca: withPublicAuthorities(options.ca) }
  const agent = {
    connect: { timeout: timeouts.connect, ...tls },
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.idleBody,
    connections: options.connections ?? connectionDefaults.connections,
    keepAliveTimeout: 30_000,
    allowH2: false,
  }
  if (!options.proxy) return new Agent(agent)
  return new EnvHttpProxyAgent({
    ...agent,
    httpProxy: options.proxy,
    httpsProxy: options.proxy,
    noProxy: options.noProxy ?? '',
    requestTls: { timeout: timeouts.connect, ...tls },
    ...(options.ca === undefined ? {} : { proxyTls: tls }),
  })
}
