import { metrics, SpanKind, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api'

/** What is told about one try of a request before it is sent. */
interface Attempt {
  method: string
  url: URL
  /** The path of the address, redacted. The query is told to nobody. */
  path: string
  /** 1 for the first try. */
  attempt: number
}

const name = '@saddle/transport'
/** Seconds; what the semantic conventions recommend for this metric. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/**
 * Tells OpenTelemetry of each try of a request: a client span and `http.client.request.duration`, named as its semantic
 * conventions for HTTP clients ask (https://opentelemetry.io/docs/specs/semconv/http/). Without an SDK it does nothing.
 * No trace context is sent along: the servers belong to others.
 */
export class HttpTelemetry {
  readonly #tracer = trace.getTracer(name)
  readonly #duration = metrics.getMeter(name).createHistogram('http.client.request.duration', {
    description: 'Duration of HTTP client requests, to the headers of the answer.',
    unit: 's',
    advice: { explicitBucketBoundaries: bounds },
  })

  /** Begins a try; call what is returned with its status (0 for none) and why there is none. */
  begin({ method, url, path, attempt }: Attempt): (status: number, failure?: string) => void {
    const attributes: Attributes = {
      'http.request.method': method,
      'server.address': url.hostname,
      'server.port': Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    }
    const started = performance.now()
    const span = this.#tracer.startSpan(method, {
      kind: SpanKind.CLIENT,
      attributes: {
        ...attributes,
        'url.full': url.origin + path,
        ...(attempt > 1 ? { 'http.request.resend_count': attempt - 1 } : {}),
      },
    })
    return (status, failure) => {
      const problem = status >= 400 ? String(status) : failure
      const outcome: Attributes = {
        ...(status > 0 ? { 'http.response.status_code': status } : {}),
        ...(problem === undefined ? {} : { 'error.type': problem }),
      }
      this.#duration.record((performance.now() - started) / 1000, { ...attributes, ...outcome })
      span.setAttributes(outcome)
      if (problem !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    }
  }
}
