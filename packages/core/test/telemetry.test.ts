import { context, metrics, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterAll, expect, test } from 'vitest'
import { setStage } from './stage.ts'

const spanExporter = new InMemorySpanExporter()
const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: metricExporter })] })
context.setGlobalContextManager(new AsyncLocalStorageContextManager())
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] }))
metrics.setGlobalMeterProvider(meters)
afterAll(() => meters.shutdown())

/** Sums of counters, and counts of histograms, by the metric's name and some of its attributes. */
async function collected(): Promise<(name: string, attributes?: Record<string, unknown>) => number> {
  await meters.forceFlush()
  const found = metricExporter.getMetrics().at(-1)!.scopeMetrics.flatMap((scope) => scope.metrics)
  return (name, attributes = {}) =>
    found
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints as { attributes: Record<string, unknown>; value: number | { count: number } }[])
      .filter((point) => Object.entries(attributes).every(([key, value]) => point.attributes[key] === value))
      .reduce((sum, { value }) => sum + (typeof value === 'number' ? value : value.count), 0)
}

test('a migration is a trace of its steps, packs and requests, with no secret in it', async () => {
  await using stage = await setStage()
  const { request, slug } = await stage.seed({ seed: { commits: 4 } })
  const { engine } = stage.engine()
  stage.sandbox.github.fault({ path: `/repos/acme/${slug}`, method: 'GET', times: 1, action: { status: 502 } })
  const report = await engine.migrate(request)

  const spans = spanExporter.getFinishedSpans()
  const named = (name: string) => spans.filter((span) => span.name === name)
  const [run] = named('saddle.migration')
  expect(run!.attributes).toEqual({
    'saddle.migration.id': report.id,
    'saddle.source': `PRJ/${slug}`,
    'vcs.owner.name': 'acme',
    'vcs.provider.name': 'github',
    'vcs.repository.name': slug,
  })
  const steps = spans.filter(({ name }) => name.startsWith('saddle.step '))
  expect(steps.map(({ attributes }) => attributes['saddle.step'])).toEqual(report.steps.map(({ name }) => name))
  for (const step of steps) expect(step.parentSpanContext?.spanId).toBe(run!.spanContext().spanId)
  const [pack] = named('saddle.pack')
  expect(pack!.parentSpanContext?.spanId).toBe(steps[3]!.spanContext().spanId)
  expect(pack!.attributes).toEqual({
    'saddle.git.backend': 'relay', 'saddle.pack.size': report.transferred.bytes, 'saddle.pack.objects': report.transferred.objects,
  })

  const push = named('POST').find(({ attributes }) => String(attributes['url.full']).endsWith('/git-receive-pack'))
  expect(push).toMatchObject({
    kind: SpanKind.CLIENT,
    attributes: { 'http.request.method': 'POST', 'http.response.status_code': 200, 'server.address': '127.0.0.1', 'server.port': Number(new URL(stage.sandbox.github.url).port) },
  })
  expect(push!.parentSpanContext?.spanId).toBe(pack!.spanContext().spanId)
  const failed = named('GET').filter(({ attributes }) => attributes['error.type'] === '502')
  expect(failed).toHaveLength(1)
  expect(named('GET').some(({ attributes }) => attributes['http.request.resend_count'] === 1)).toBe(true)

  const count = await collected()
  expect(count('saddle.migration.runs', { 'saddle.migration.status': 'completed' })).toBe(1)
  expect(count('saddle.step.duration', { 'saddle.step': 'transfer-git' })).toBe(1)
  expect(count('saddle.pack.size')).toBe(report.transferred.bytes)
  expect(count('http.client.request.duration', { 'http.response.status_code': 502, 'error.type': '502' })).toBe(1)
  expect(count('http.client.request.duration')).toBe(spans.filter(({ kind }) => kind === SpanKind.CLIENT).length)

  const told = JSON.stringify([spans.map(({ attributes, events, status }) => ({ attributes, events, status })), metricExporter.getMetrics().map(({ scopeMetrics }) => scopeMetrics)])
  for (const secret of [stage.sandbox.bitbucket.token, stage.sandbox.github.token]) expect(told).not.toContain(secret)
  expect(spans.map(({ attributes }) => attributes['url.full'] ?? '').join()).not.toContain('?')
})

test('a run that fails is told by its code', async () => {
  await using stage = await setStage()
  const { engine } = stage.engine()
  await expect(engine.migrate({ source: { project: 'PRJ', repository: 'none' }, target: { owner: 'acme' } })).rejects.toThrow()
  const run = spanExporter.getFinishedSpans().findLast(({ name }) => name === 'saddle.migration')
  expect(run?.attributes).toMatchObject({ 'error.type': 'NOT_FOUND' })
  expect((await collected())('saddle.migration.runs', { 'saddle.migration.status': 'failed', 'error.type': 'NOT_FOUND' })).toBe(1)
})
