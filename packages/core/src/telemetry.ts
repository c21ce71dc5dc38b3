import { metrics, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api'
import { SaddleError } from '@saddle/transport'
import type { TransferResult } from './git/backend.ts'
import { sourceName, type NormalizedRequest } from './request.ts'

const name = '@saddle/core'

/**
 * Tells OpenTelemetry of runs, their steps and the packs that they send: a span each, the requests of the clients below
 * them, and counters. Without an SDK it does nothing.
 */
export class Telemetry {
  readonly #tracer = trace.getTracer(name)
  readonly #runs
  readonly #stepDuration
  readonly #packBytes
  readonly #packObjects

  constructor() {
    const meter = metrics.getMeter(name)
    this.#runs = meter.createCounter('saddle.migration.runs', { description: 'Runs of migrations that ended.', unit: '{run}' })
    this.#stepDuration = meter.createHistogram('saddle.step.duration', { description: 'Duration of the steps of migrations.', unit: 's' })
    this.#packBytes = meter.createCounter('saddle.pack.size', { description: 'Bytes of packs sent to the target.', unit: 'By' })
    this.#packObjects = meter.createCounter('saddle.pack.objects', { description: 'Objects in packs sent to the target.', unit: '{object}' })
  }

  /** A run of a migration. */
  async run(id: string, request: NormalizedRequest, work: () => Promise<void>): Promise<void> {
    const attributes: Attributes = {
      'saddle.migration.id': id,
      'saddle.source': sourceName(request),
      'vcs.owner.name': request.target.owner,
      'vcs.provider.name': 'github',
      'vcs.repository.name': request.target.name,
    }
    const status = await this.#traced('saddle.migration', attributes, async () => {
      await work()
      return 'completed'
    }, (error) => this.#runs.add(1, { 'saddle.migration.status': error.code === 'ABORTED' ? 'cancelled' : 'failed', 'error.type': error.code }))
    this.#runs.add(1, { 'saddle.migration.status': status })
  }

  /** One step of a run. */
  async step(step: string, work: () => Promise<void>): Promise<void> {
    const started = performance.now()
    const told = (more: Attributes = {}) => this.#stepDuration.record((performance.now() - started) / 1000, { 'saddle.step': step, ...more })
    await this.#traced(`saddle.step ${step}`, { 'saddle.step': step }, work, (error) => told({ 'error.type': error.code }))
    told()
  }

  /** A transfer of git objects. */
  async pack(backend: string, work: () => Promise<TransferResult>): Promise<TransferResult> {
    const by: Attributes = { 'saddle.git.backend': backend }
    return this.#traced('saddle.pack', by, async (span) => {
      const result = await work()
      span.setAttributes({ 'saddle.pack.size': result.packBytes, 'saddle.pack.objects': result.objects })
      this.#packBytes.add(result.packBytes, by)
      this.#packObjects.add(result.objects, by)
      return result
    })
  }

  /** Runs the work in a span. The text of an error is left out of it: codes are what traces are searched by. */
  #traced<T>(title: string, attributes: Attributes, work: (span: Span) => Promise<T>, onError?: (error: SaddleError) => void): Promise<T> {
    return this.#tracer.startActiveSpan(title, { attributes }, async (span) => {
      try {
        return await work(span)
      } catch (thrown) {
        const error = SaddleError.from(thrown)
        span.setAttribute('error.type', error.code)
        span.setStatus({ code: SpanStatusCode.ERROR })
        onError?.(error)
        throw thrown
      } finally {
        span.end()
      }
    })
  }
}
