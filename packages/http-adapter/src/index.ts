/**
 * The server: logins and sessions, the source and the target, migrations with live progress, bulk migrations and teams,
 * all below `/api/v1`.
 *
 * @module @saddle/http-adapter
 */
export { openBackends, type Backends, type BackendsOptions } from './backends.ts'
export { createLogger } from './log.ts'
export { Metrics } from './metrics.ts'
export type {
  OAuthOptions, RateLimitOptions, ServerOptions, SessionLifetimes, SourceOptions, StreamOptions, TargetOptions,
} from './options.ts'
export { createServer, type SaddleServer } from './server.ts'
export { createWorker, type SaddleWorker, type WorkerOptions } from './worker.ts'
