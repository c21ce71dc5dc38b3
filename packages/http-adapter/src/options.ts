import { SaddleError, type BitbucketClientOptions, type Budget, type GitHubClientOptions, type JobQueue, type MigrationStore, type SessionStore } from '@saddle/core'
import type { Logger } from 'pino'
import type { Metrics } from './metrics.ts'

/** The one source that callers can move repositories from. Callers never give addresses. */
export type SourceOptions = Omit<BitbucketClientOptions, 'auth'>

/** The one target that callers can move repositories to. */
export interface TargetOptions extends Omit<GitHubClientOptions, 'auth'> {
  /** The GitHub App, or OAuth app, that people log in with. Without it, they bring a personal access token. */
  oauth?: OAuthOptions
  /**
   * The App's private key: a path to the PEM file. It is read when the server starts, so that a missing or damaged one is
   * noticed then.
   */
  privateKeyPath?: string
}

/** How people log in to GitHub. */
export interface OAuthOptions {
  clientId: string
  clientSecret: string
  /** Where GitHub sends people back to: a page that posts `code` and `state` here. The App's settings must know it. */
  redirectUri: string
}

/** Lifetimes of sessions, in milliseconds. */
export interface SessionLifetimes {
  /** Without a request for so long, a session ends. Two hours by default. */
  idleMs?: number
  /** So long after the login, a session ends in any case. Twelve hours by default. */
  absoluteMs?: number
}

/** Event streams. */
export interface StreamOptions {
  /** A comment is sent on an idle stream so often, so that nothing between takes it for dead. 15 seconds by default. */
  heartbeatMs?: number
  /** Streams that one session can have open. 1,000 by default. */
  perSession?: number
}

/** How often callers may ask, by address. */
export interface RateLimitOptions {
  /** Requests a minute. 6,000 by default. */
  max?: number
  /** Logins a minute, for each of the routes that take credentials. 60 by default. */
  logins?: number
}

/** Options of `createServer`. */
export interface ServerOptions {
  bitbucket: SourceOptions
  github?: TargetOptions
  /** Where migrations are remembered; by default in memory. One that is given is not closed with the server. */
  store?: MigrationStore
  /** Where sessions are kept; by default in memory. One that is given is not closed with the server. */
  sessionStore?: SessionStore
  /**
   * Keys that stored credentials are encrypted with: the current one first, older ones after it, each at least 32
   * characters. Needed with a `sessionStore` that outlives the process.
   */
  sessionKeys?: readonly string[]
  session?: SessionLifetimes
  /** The address that people reach the server at. With `https:`, cookies are `Secure` and carry the `__Host-` prefix. */
  publicUrl?: string
  /** Serve https with this key and certificate, both PEM. */
  tls?: { key: string; cert: string }
  /** More `Host` headers to answer to, as `host` (any port) or `host:port`. Loopback names always are. */
  allowedHosts?: readonly string[]
  /** Origins (`https://app.example.com`) whose pages may call with credentials, besides the server's own. */
  allowedOrigins?: readonly string[]
  /** Believe `X-Forwarded-*` headers: true, or addresses of the proxies. False by default. */
  trustProxy?: boolean | string | string[]
  /** Hands work to workers; by default within this process. One that is given is not closed with the server. */
  queue?: JobQueue
  /**
   * Makes the budget of requests of one credential, of which it is told a hash. By default each process has its own; a
   * cluster shares them.
   */
  budgetFor?: ((server: 'bitbucket' | 'github', identity: string) => Budget) | undefined
  /** Repositories that this process moves at once, single and bulk migrations together. 4 by default; 0 leaves the work to others. */
  concurrency?: number
  /** How long a run's claim on a target lasts if its process dies, in milliseconds; see `MigrationEngine`. */
  leaseMs?: number
  streams?: StreamOptions
  rateLimit?: RateLimitOptions | false
  /** Largest body of a request in bytes. 1 MiB by default. */
  bodyLimit?: number
  /**
   * How long a request may take to arrive with its body, in milliseconds; 30 seconds by default. A slower one is answered with 408
   * within a quarter of that time more.
   */
  requestTimeoutMs?: number
  /** Takes the log; by default nothing is logged. See `createLogger` for one that is safe to read on a terminal. */
  logger?: Logger
  /**
   * Counts what happens, and serves it at `GET /metrics` to whoever can reach the server: keep that path from the public at the
   * proxy. Without it nothing is counted.
   */
  metrics?: Metrics
}

/** What applies where an option is left out. */
export const defaults = {
  idleMs: 2 * 3_600_000,
  absoluteMs: 12 * 3_600_000,
  heartbeatMs: 15_000,
  streamsPerSession: 1000,
  requestsPerMinute: 6000,
  loginsPerMinute: 60,
  concurrency: 4,
  bodyLimit: 1024 * 1024,
  requestTimeoutMs: 30_000,
} as const

/** An origin, as `Origin` headers have it. */
export function originOf(option: string, value: string): string {
  if (URL.canParse(value)) {
    const url = new URL(value)
    if (/^https?:$/.test(url.protocol) && !url.username && !url.password) return url.origin
  }
  throw new SaddleError('INVALID_INPUT', `${option} is not an http or https address such as https://saddle.example.com.`, { context: { option } })
}
