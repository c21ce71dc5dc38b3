import { randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SaddleError } from '@saddle/core'
import { createLogger, createServer, createWorker, Metrics, openBackends, type TargetOptions } from '@saddle/http-adapter'
import { makeHome } from '../engine.ts'
import { homeDirectory, oauthSettings, privateKeyPath, redisSettings, secretsOf, serverSettings, sessionKeys } from '../environment.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { ServeOptions } from '../options.ts'
import { stopped } from '../stopped.ts'

/** `saddle serve`: the HTTP server, until it is told to stop. The log goes to stdout, one JSON object a line. */
export async function serve(options: ServeOptions, io: Io): Promise<ExitStatus> {
  const { env } = io
  const { bitbucket, github } = serverSettings(env)
  const publicUrl = options.publicUrl
  // What is no address is refused by the server, which says what one looks like.
  const callback = publicUrl !== undefined && URL.canParse(publicUrl) ? new URL('/callback', publicUrl).href : undefined
  const oauth = oauthSettings(env, options.githubRedirect ?? callback)
  const keyPath = privateKeyPath(env)
  const target: TargetOptions = { ...github, ...(oauth ? { oauth } : {}), ...(keyPath === undefined ? {} : { privateKeyPath: keyPath }) }
  const home = homeDirectory(env)
  await makeHome(home)
  const keys = sessionKeys(env) ?? [await ownKey(home)]
  const logger = createLogger({ write: (line) => io.stdout.write(line) }, { level: options.logLevel, secrets: [...secretsOf(env), ...keys] })
  const redis = redisSettings(env)
  const openings = { directory: home, githubUrl: github.baseUrl, onWarning: (text: string) => logger.warn(text) }
  const backends = await openBackends({ ...openings, ...(redis ? { redis } : {}), sessionFallback: options.sessionFallback })
  // A server that can answer 503 is impatient with Redis; work that goes on when Redis is back is patient.
  const patient = redis && backends.kind === 'redis' && options.concurrency > 0 ? await openBackends({ ...openings, redis: { ...redis, patienceMs: 60_000 } }) : undefined
  const shared = { bitbucket, github: target, sessionKeys: keys, logger, ...(options.metrics ? { metrics: new Metrics() } : {}) }
  try {
    const server = await createServer({
      ...shared,
      store: backends.store,
      sessionStore: backends.sessionStore,
      queue: backends.queue,
      budgetFor: backends.budgetFor,
      concurrency: patient ? 0 : options.concurrency,
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(options.allowHost ? { allowedHosts: options.allowHost } : {}),
      ...(options.allowOrigin ? { allowedOrigins: options.allowOrigin } : {}),
      trustProxy: options.trustProxy ?? false,
    })
    const worker = patient && (await createWorker({ ...shared, ...patient, concurrency: options.concurrency }))
    try {
      const url = await listen(() => server.listen({ port: options.port, host: options.host }), options)
      logger.info({ url, store: backends.kind }, `listening on ${url}`)
      io.stderr.write(`Saddle listens on ${url} (documentation: ${url}/docs). Stop it with Ctrl-C.\n`)
      await stopped(io)
      logger.info('stopping')
    } finally {
      await server.close()
      await worker?.close()
    }
  } finally {
    await patient?.close()
    await backends.close()
  }
  return exitStatus.done
}

async function listen(start: () => Promise<string>, { port, host }: ServeOptions): Promise<string> {
  try {
    return await start()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw cause
    const reason = code === 'EADDRINUSE' ? 'is taken by another program' : code === 'EACCES' ? 'may not be used by this user' : 'is not an address of this machine'
    throw new SaddleError('INVALID_INPUT', `${host}:${port} ${reason}. Choose another with --port or --host.`, { cause, context: { option: 'port' } })
  }
}

/** The key of a server that was given none, made once and kept beside the store for its owner only. */
async function ownKey(home: string): Promise<string> {
  const path = join(home, 'session.key')
  const known = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unreadable(path, error)
  })
  if (known?.trim()) return known.trim()
  const key = randomBytes(32).toString('base64')
  try {
    const file = await open(path, 'w', 0o600)
    await file.writeFile(`${key}\n`)
    await file.close()
  } catch (error) {
    throw unreadable(path, error)
  }
  return key
}

const unreadable = (path: string, cause: unknown): SaddleError =>
  new SaddleError('STORE_FAILED', `The session key ${path} cannot be read or written. Set SADDLE_SESSION_KEYS, or give this user the right to.`, { cause })
