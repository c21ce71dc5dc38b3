import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { interceptBody } from './intercept.ts'

/** One request as the server saw it. */
export interface RecordedRequest {
  readonly method: string
  /** Path with query, as sent. */
  readonly path: string
  /** All headers, credentials included, so that a test can look for secrets where none belong. */
  readonly headers: IncomingHttpHeaders
  /** HTTP status of the answer; 0 while there is none. */
  status: number
  /** Milliseconds since the epoch at which the request's headers had come. */
  readonly at: number
  /** Bytes of the body received. */
  bytesIn: number
  /** Bytes of the body sent. */
  bytesOut: number
  /** Milliseconds from the request's headers to the end of the answer; undefined until then. */
  durationMs?: number
}

/** Starts the record of a request; it goes on filling until the answer has ended. */
export function recordRequest(request: IncomingMessage, response: ServerResponse): RecordedRequest {
  const record: RecordedRequest = {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    status: 0,
    at: Date.now(),
    bytesIn: 0,
    bytesOut: 0,
  }
  countBody(request, (bytes) => (record.bytesIn += bytes))
  interceptBody(response, {
    write: (chunk) => {
      record.bytesOut += chunk.length
      return chunk
    },
  })
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse
  response.writeHead = (status: number, ...rest: unknown[]) => {
    record.status = status
    return writeHead(status, ...rest)
  }
  response.once('close', () => (record.durationMs = Date.now() - record.at))
  return record
}

/** Calls back for each piece of a request's body as it arrives, without reading it. */
export function countBody(request: IncomingMessage, seen: (bytes: number) => void): void {
  const push = request.push.bind(request)
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk) seen(chunk.length)
    return push(chunk, encoding)
  }
}
