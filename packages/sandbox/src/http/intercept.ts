import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** What happens to the body of an answer on its way out. */
export interface BodyInterceptor {
  /** What goes out in place of a piece of the body; undefined for nothing. */
  write(chunk: Buffer): Buffer | undefined
  /** Called at the end with a function that ends the answer, with a last piece if there is one. */
  end?(finish: (last?: Buffer) => void): void
}

type Callback = (error?: Error | null) => void

/** Puts an interceptor in front of a response. Several may be stacked; the last one put sees the body first. */
export function interceptBody(response: ServerResponse, interceptor: BodyInterceptor): void {
  const write = response.write.bind(response) as (chunk: Buffer, callback?: Callback) => boolean
  const end = response.end.bind(response) as (callback?: () => void) => ServerResponse

  const pass = (chunk: unknown, encoding: unknown, callback: Callback | undefined): boolean => {
    const bytes = toBuffer(chunk, encoding)
    const out = interceptor.write(bytes)
    if (out && out.length > 0) return write(out, callback)
    if (callback) queueMicrotask(() => callback())
    return true
  }

  response.write = ((chunk: unknown, encoding?: unknown, callback?: Callback) =>
    typeof encoding === 'function' ? pass(chunk, undefined, encoding as Callback) : pass(chunk, encoding, callback)
  ) as typeof response.write

  response.end = ((...args: unknown[]) => {
    const callback = args.find((one) => typeof one === 'function') as (() => void) | undefined
    const [chunk, encoding] = args
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') pass(chunk, encoding, undefined)
    const finish = (last?: Buffer) => {
      if (last && last.length > 0) write(last)
      end(callback)
    }
    if (interceptor.end) interceptor.end(finish)
    else finish()
    return response
  }) as typeof response.end
}

/** Lets an answer be sent without the length it declares, as its body is about to change. */
export function dropContentLength(response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response) as (status: number, headers?: OutgoingHttpHeaders) => ServerResponse
  response.writeHead = ((status: number, headers: OutgoingHttpHeaders = {}) => {
    response.removeHeader('content-length')
    const kept = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-length')
    return writeHead(status, Object.fromEntries(kept))
  }) as typeof response.writeHead
}

function toBuffer(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
  const bytes = chunk as Uint8Array
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
