import { Agent, EnvHttpProxyAgent, Pool, type Dispatcher } from 'undici'
import { withDefaults } from './defaults.ts'
import { SaddleError } from './error.ts'
import type { Redactor } from './redact.ts'
import { trusting } from './tls.ts'

/** How to reach a server. Times are milliseconds. */
export interface ConnectionOptions {
  /** PEM certificates of private authorities, trusted besides the public ones that Node ships. */
  ca?: string | readonly string[] | undefined
  /** URL of an HTTP proxy, as in `HTTPS_PROXY`. It is trusted with plain `http` requests, never with those over TLS. */
  proxy?: string | undefined
  /** Hosts reached without the proxy, as in `NO_PROXY`. */
  noProxy?: string | undefined
  timeouts?: Timeouts | undefined
  /** Connections to one host at once; more requests wait. */
  connections?: number | undefined
}

/** Patience with a server, in milliseconds; 0 is for ever. */
export interface Timeouts {
  /** Until the connection stands, TLS and proxy included. */
  connect?: number
  /** Until the answer's headers have come. */
  headers?: number
  /** Between two chunks of the answer's body. */
  idleBody?: number
  /** For one try of a request whose answer is read as a whole (`text`, `json`, `fetch`), however it trickles in. */
  total?: number
}

/** What applies where an option is left out. */
export const connectionDefaults = {
  timeouts: { connect: 15_000, headers: 60_000, idleBody: 60_000, total: 300_000 },
  connections: 32,
} as const satisfies { timeouts: Required<Timeouts>; connections: number }

/**
 * One pool of kept-alive connections with one set of rules. Close it with `close()`.
 *
 * @throws SaddleError `INVALID_INPUT` for a certificate authority that is none, or a proxy that is not an HTTP address
 */
export function createDispatcher(options: ConnectionOptions = {}): Dispatcher {
  const timeouts = withDefaults<Required<Timeouts>>(connectionDefaults.timeouts, options.timeouts)
  const connect = {
    timeout: timeouts.connect,
    ...(options.ca === undefined ? {} : { secureContext: trusting(options.ca) }),
  }
  const agent = {
    connect,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.idleBody,
    connections: options.connections ?? connectionDefaults.connections,
    // Shorter than servers keep idle connections where they do not say (Tomcat: 20 s), so that a request that must not
    // be repeated is not sent into one that is being closed.
    keepAliveTimeout: 10_000,
    allowH2: false,
  }
  if (!options.proxy) return new Agent(agent)
  const proxy = proxyAddress(options.proxy)
  return new EnvHttpProxyAgent({
    ...agent,
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: options.noProxy ?? '',
    requestTls: connect,
    proxyTls: connect,
    // Plain HTTP is forwarded as usual; many proxies open tunnels to TLS ports only.
    proxyTunnel: false,
    // The tunnel is part of connecting, also for a proxy that takes the request for one and never answers.
    clientFactory: (origin: URL, pool: object) => new Pool(origin, { ...pool, headersTimeout: timeouts.connect }),
  })
}

function proxyAddress(proxy: string): string {
  if (/^https?:\/\//i.test(proxy) && URL.canParse(proxy)) return proxy
  throw new SaddleError('INVALID_INPUT', 'The proxy is not an HTTP address. Write it like http://proxy.example.com:3128.', {
    context: { option: 'proxy' },
  })
}

/** Has the password in a proxy's address taken out of everything that is shown. */
export function learnProxyPassword(proxy: string | undefined, redactor: Redactor): void {
  if (!proxy || !URL.canParse(proxy)) return
  const { username, password } = new URL(proxy)
  if (!password) return
  redactor.add(password, username)
  // A stray `%` is not an encoding.
  if (/^(?:[^%]|%[\da-f]{2})*$/i.test(password + username)) redactor.add(decodeURIComponent(password), decodeURIComponent(username))
}
