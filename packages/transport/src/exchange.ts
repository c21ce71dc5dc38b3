import type { Dispatcher } from 'undici'
import { abortError } from './abort.ts'
import { uncompressed } from './body.ts'
import type { Headers, HttpAnswer, HttpRequest } from './http-types.ts'

/** Sends one request as it is and hands back the answer, whatever its status; its body is uncompressed on the way. */
export async function exchange(dispatcher: Dispatcher, url: URL, request: HttpRequest, headers: Headers): Promise<HttpAnswer> {
  const { headersTimeout, idleBodyTimeout, signal, method = 'GET' } = request
  if (signal?.aborted) throw abortError(signal)
  const answer = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers,
    body: (request.body ?? null) as Exclude<Dispatcher.DispatchOptions['body'], undefined>,
    ...(signal ? { signal } : {}),
    ...(headersTimeout === undefined ? {} : { headersTimeout }),
    ...(idleBodyTimeout === undefined ? {} : { bodyTimeout: idleBodyTimeout }),
  })
  // A body that breaks off before anybody listens must not end the process; its reader gets the error all the same.
  answer.body.on('error', () => undefined)
  const received = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )
  const encoding = isEmpty(method, answer.statusCode, received) ? undefined : received['content-encoding']
  return { status: answer.statusCode, headers: received, body: uncompressed(answer.body, encoding).on('error', () => undefined) }
}

/** Whether an answer has no body by definition. */
export const isEmpty = (method: string | undefined, status: number, headers: Headers): boolean =>
  method === 'HEAD' || status === 204 || status === 304 || headers['content-length'] === '0'

/** Headers for a body whose bytes are no longer encoded, nor of that length. */
export function withoutEncoding(headers: Headers): Headers {
  const { 'content-encoding': encoding, 'content-length': length, ...rest } = headers
  return encoding || length === undefined ? rest : { ...rest, 'content-length': length }
}
