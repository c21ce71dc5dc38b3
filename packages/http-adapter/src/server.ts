import { randomUUID } from 'node:crypto'
import fastifyCookie from '@fastify/cookie'
import fastifyCors from '@fastify/cors'
import fastifyRateLimit from '@fastify/rate-limit'
import { fastifySSE } from '@fastify/sse'
import {
  CredentialVault, Keyring, MemoryQueue, MemorySessionStore, MemoryStore, SaddleError,
  type JobQueue, type MigrationStore, type SessionStore,
} from '@saddle/core'
import { fastify, LogController, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { Clients } from './clients.ts'
import type { Context } from './context.ts'
import { registerOpenApi } from './docs/openapi.ts'
import { registerRedoc } from './docs/redoc.ts'
import { GitHubLogin } from './github/login.ts'
import { Jobs } from './jobs/jobs.ts'
import { Snapshots } from './jobs/snapshots.ts'
import { Worker } from './jobs/worker.ts'
import { registerRequestLog } from './log.ts'
import { defaults, originOf, type ServerOptions } from './options.ts'
import { answerUnparsable, problemOf, registerErrors, send } from './security/errors.ts'
import { registerEncodingCheck } from './security/encodings.ts'
import { registerHeaders } from './security/headers.ts'
import { registerHostCheck } from './security/hosts.ts'
import { registerMethodCheck } from './security/methods.ts'
import { registerOriginCheck } from './security/origin.ts'
import { authRoutes } from './routes/auth.ts'
import { bitbucketRoutes } from './routes/bitbucket.ts'
import { bulkRoutes } from './routes/bulk.ts'
import { githubRoutes } from './routes/github.ts'
import { healthRoutes } from './routes/health.ts'
import { migrationRoutes } from './routes/migration.ts'
import type { App } from './routes/routes.ts'
import { teamsRoutes } from './routes/teams.ts'
import { SessionCookie } from './sessions/cookie.ts'
import { Sessions } from './sessions/sessions.ts'
import { Feeds } from './streams/feed.ts'
import { Streams } from './streams/streams.ts'

/** When the server stops, answers have so long to be read. */
const closeAfterMs = 10_000

/** zod validates and serializes. Named here and not later, so that Fastify does not load its own, at a cost of time and memory. */
const compilersFactory = {
  buildValidator: () => validatorCompiler,
  buildSerializer: () => serializerCompiler,
} as unknown as NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

/** A Fastify instance: `listen()` with it, or `inject()` requests, or register more on it. `close()` ends it gracefully. */
export type SaddleServer = FastifyInstance

/**
 * Makes the server, and continues the migrations that an earlier process left unfinished.
 *
 * @throws SaddleError `MISSING_CONFIGURATION` or `INVALID_INPUT` for options that cannot work; `STORE_FAILED`
 *
 * @example
 * ```ts
 * import { createServer } from '@saddle/http-adapter'
 *
 * const server = await createServer({ bitbucket: { baseUrl: 'https://bitbucket.example.com' } })
 * await server.listen({ port: 8000 })
 * ```
 */
export async function createServer(options: ServerOptions): Promise<SaddleServer> {
  const log = options.logger
  const { requestTimeoutMs: requestTimeout = defaults.requestTimeoutMs } = options
  // A peer that sends a byte a second does not hold a connection for long. Node looks for such twice a minute only, and where
  // headers may take longer than the request (theirs are a minute), it takes the one limit for the other.
  const timing = { requestTimeout, headersTimeout: requestTimeout, connectionsCheckingInterval: Math.ceil(requestTimeout / 4) }
  const app = fastify({
    ...(log ? { loggerInstance: log } : { logger: false }),
    ...(options.tls ? { https: { ...options.tls, ...timing } } : { http: timing }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: options.trustProxy ?? false,
    bodyLimit: options.bodyLimit ?? defaults.bodyLimit,
    // Long names are told that they are too long instead of being unknown routes.
    routerOptions: { maxParamLength: 2000, ignoreTrailingSlash: true },
    requestTimeout,
    schemaController: { compilersFactory },
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    frameworkErrors: (error, _request, reply) => void send(reply, problemOf(error)),
    clientErrorHandler: answerUnparsable,
  }) as unknown as FastifyInstance

  const context = await makeContext(app, options)
  registerRequestLog(app)
  registerErrors(app)
  registerHeaders(app, isSecure(options))
  registerHostCheck(app, [...hostsOf(options), ...(options.allowedHosts ?? [])])
  registerOriginCheck(app, context.origins)
  registerEncodingCheck(app)
  await registerPlugins(app, options, context)
  registerRedoc(app)
  await registerRoutes(app, options, context)

  app.addHook('onReady', () => context.jobs.recover())
  return app
}

async function makeContext(app: FastifyInstance, options: ServerOptions): Promise<Context> {
  const { idleMs = defaults.idleMs, absoluteMs = defaults.absoluteMs } = options.session ?? {}
  if (options.sessionStore && !options.sessionKeys?.length) {
    throw new SaddleError('MISSING_CONFIGURATION', 'A session store that outlives the process needs session keys. Make one with `openssl rand -base64 32`.', {
      context: { option: 'sessionKeys' },
    })
  }
  const store: MigrationStore = options.store ?? new MemoryStore()
  const sessionStore: SessionStore = options.sessionStore ?? new MemorySessionStore()
  const vault = new CredentialVault(sessionStore, options.sessionKeys?.length ? new Keyring(options.sessionKeys) : Keyring.random())
  const { oauth: _, privateKeyPath: __, ...target } = options.github ?? {}
  const { metrics } = options
  const clients = new Clients({ source: options.bitbucket, target, budgetFor: options.budgetFor, metrics })
  const login = await GitHubLogin.open(options.github ?? {}, sessionStore, vault)
  const queue: JobQueue = options.queue ?? new MemoryQueue()
  const { leaseMs } = options
  const parts = { store, vault, clients, login, leaseMs, log: app.log, metrics }
  const worker = options.concurrency === 0 ? undefined : new Worker(parts, queue, options.concurrency ?? defaults.concurrency)
  const jobs = new Jobs({ store, vault, clients, queue, worker, leaseMs })
  const heartbeat = options.streams?.heartbeatMs ?? defaults.heartbeatMs
  const streams: Streams = new Streams({
    sessions: () => sessions,
    perSession: options.streams?.perSession ?? defaults.streamsPerSession,
    checkMs: heartbeat,
  })
  const sessions: Sessions = new Sessions({
    store: sessionStore, vault, idleMs, absoluteMs,
    cookie: new SessionCookie({ secure: isSecure(options), maxAgeMs: absoluteMs }),
    onEnd: (subject) => streams.end(subject),
  })
  const snapshots = new Snapshots(store)
  const feeds = new Feeds(store, (id) => snapshots.forget(id))
  const origins = new Set((options.allowedOrigins ?? []).map((origin) => originOf('allowedOrigins', origin)))
  if (options.publicUrl !== undefined) origins.add(originOf('publicUrl', options.publicUrl))

  // First streams, which would hold their connections for ever; then what runs; then what that needs.
  app.addHook('preClose', async () => {
    streams.close()
    // Who does not read his answer does not keep the server from stopping.
    setTimeout(() => app.server.closeAllConnections(), closeAfterMs).unref()
  })
  app.addHook('onClose', async () => {
    await jobs.close()
    await clients.close()
    if (!options.queue) await queue.close()
    if (!options.store) await store.close()
    if (!options.sessionStore) await sessionStore.close()
  })
  return { store, sessionStore, queue, vault, sessions, clients, jobs, feeds, snapshots, streams, login, origins }
}

async function registerPlugins(app: FastifyInstance, options: ServerOptions, { origins }: Context): Promise<void> {
  const { max = defaults.requestsPerMinute } = options.rateLimit || {}
  await app.register(fastifyCors, {
    origin: [...origins],
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['content-type', 'authorization', 'x-github-token', 'idempotency-key', 'last-event-id', 'accept'],
    exposedHeaders: ['location', 'retry-after', 'x-request-id'],
    maxAge: 600,
    // What asks with OPTIONS and is no page is told the same, not that it is wrong in a text of the plugin's own.
    strictPreflight: false,
  })
  await app.register(fastifyCookie)
  if (options.rateLimit !== false) {
    await app.register(fastifyRateLimit, { max, timeWindow: 60_000, addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false } })
  }
  await app.register(fastifySSE, {
    heartbeatInterval: options.streams?.heartbeatMs ?? defaults.heartbeatMs,
    // Frames come as JSON already: made once, however many read them.
    serializer: (data) => (typeof data === 'string' ? data : JSON.stringify(data)),
  })
  await registerOpenApi(app, { cookie: isSecure(options) ? '__Host-saddle_session' : 'saddle_session' })
}

async function registerRoutes(app: FastifyInstance, options: ServerOptions, context: Context): Promise<void> {
  const refuseOtherMethods = registerMethodCheck(app)
  const logins = options.rateLimit === false ? {} : { rateLimit: { max: options.rateLimit?.logins ?? defaults.loginsPerMinute, timeWindow: 60_000 } }
  const groups: [prefix: string, routes: (group: App) => void][] = [
    ['', (group) => healthRoutes(group, context)],
    ['/api/v1/auth', (group) => authRoutes(group, context, logins)],
    ['/api/v1/bitbucket', (group) => bitbucketRoutes(group, context)],
    ['/api/v1/github', (group) => githubRoutes(group, context)],
    ['/api/v1/migration', (group) => migrationRoutes(group, context)],
    ['/api/v1/migration/bulk', (group) => bulkRoutes(group, context)],
    ['/api/v1/teams', (group) => teamsRoutes(group, context)],
  ]
  for (const [prefix, routes] of groups) {
    await app.register(async (group) => routes(group as unknown as App), { prefix })
  }
  options.metrics?.serve(app)
  refuseOtherMethods()
}

const isSecure = ({ publicUrl, tls }: ServerOptions): boolean => tls !== undefined || publicUrl?.startsWith('https:') === true

function hostsOf({ publicUrl }: ServerOptions): string[] {
  return publicUrl === undefined ? [] : [new URL(originOf('publicUrl', publicUrl)).host]
}
