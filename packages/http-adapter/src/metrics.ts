import type { BitbucketClient, GitHubClient, MigrationEngine } from '@saddle/core'
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/**
 * What a server or worker counts, in the text format of Prometheus. One object for all that one process does; give it to
 * `createServer`, which then serves it at `GET /metrics`, and to `createWorker`. Numbers and names of routes only: no
 * repository, no address and no person is named.
 *
 * @example
 * ```ts
 * import { createServer, Metrics } from '@saddle/http-adapter'
 *
 * const server = await createServer({ bitbucket: { baseUrl: 'https://bitbucket.example.com' }, metrics: new Metrics() })
 * await server.listen({ port: 8000 })
 * ```
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #watched = new WeakSet<MigrationEngine>()
  readonly #answers: Histogram<'method' | 'route' | 'status'>
  readonly #requests: Histogram<'server' | 'method' | 'status'>
  readonly #retries: Counter<'server' | 'code'>
  readonly #runs: Counter<'status'>
  readonly #running: Gauge
  readonly #steps: Histogram<'step' | 'outcome'>
  readonly #packBytes: Counter

  constructor() {
    const registers = [this.#registry]
    this.#answers = new Histogram({
      name: 'saddle_http_server_request_duration_seconds', help: 'Requests that this server answered. Event streams last until they end.',
      labelNames: ['method', 'route', 'status'], buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 30], registers,
    })
    this.#requests = new Histogram({
      name: 'saddle_http_client_request_duration_seconds', help: 'Requests to Bitbucket and GitHub, each try; status 0 for none.',
      labelNames: ['server', 'method', 'status'], buckets: [0.025, 0.1, 0.5, 1, 5, 30, 120], registers,
    })
    this.#retries = new Counter({ name: 'saddle_http_client_retries_total', help: 'Requests that were tried again, and why.', labelNames: ['server', 'code'], registers })
    this.#runs = new Counter({ name: 'saddle_migration_runs_total', help: 'Runs of migrations that ended.', labelNames: ['status'], registers })
    this.#running = new Gauge({ name: 'saddle_migrations_running', help: 'Jobs under way in this process: migrations, and repositories of bulk migrations.', registers })
    this.#steps = new Histogram({
      name: 'saddle_step_duration_seconds', help: 'Steps of migrations.', labelNames: ['step', 'outcome'], buckets: [0.1, 1, 5, 30, 120, 600, 3600], registers,
    })
    this.#packBytes = new Counter({ name: 'saddle_pack_bytes_total', help: 'Bytes of packs that this process sent to GitHub, counted when a migration ends.', registers })
  }

  /** Media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All of it, as Prometheus reads it. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** Counts a job as under way while it is worked on. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#running.inc()
    try {
      return await work()
    } finally {
      this.#running.dec()
    }
  }

  /** Counts the packs that a job sent. */
  sent(bytes: number): void {
    this.#packBytes.inc(bytes)
  }

  /** Counts what an engine does from now on; once, however often it is called. */
  watchEngine(engine: MigrationEngine): void {
    if (this.#watched.has(engine)) return
    this.#watched.add(engine)
    engine
      .on('step-end', ({ step, outcome, durationMs }) => this.#steps.observe({ step, outcome }, durationMs / 1000))
      .on('migration-end', ({ status }) => this.#runs.inc({ status }))
  }

  /** Counts what a client does from now on. */
  watchClient(server: 'bitbucket' | 'github', client: Pick<BitbucketClient | GitHubClient, 'on'>): void {
    client.on('request', ({ method, status, durationMs }) => this.#requests.observe({ server, method, status }, durationMs / 1000))
    client.on('retry', ({ code }) => this.#retries.inc({ server, code }))
  }

  /** Counts what a server answers, and adds `GET /metrics` to it. */
  serve(app: FastifyInstance): void {
    app.addHook('onResponse', async ({ method, routeOptions: { url } }, { statusCode, elapsedTime }) => {
      this.#answers.observe({ method, route: url ?? 'unknown', status: statusCode }, elapsedTime / 1000)
    })
    app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => reply.type(this.contentType).send(await this.text()))
  }
}
