import { connect } from 'node:net'

/** An answer as it came over the wire. */
export interface RawAnswer {
  status: number
  /** By name in lower case. */
  headers: Record<string, string>
  body: string
}

/**
 * Writes bytes to the server's socket as they are, and reads what comes until the answer is whole or the socket closes. No more
 * is taken of an endless request then.
 */
export function sendRaw(port: number, request: string | Iterable<string | Buffer> | AsyncIterable<string>): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const finish = () => {
      const answer = parse(text)
      socket.destroy()
      if (answer) resolve(answer)
      else reject(new Error(`no answer: ${JSON.stringify(text.slice(0, 200))}`))
    }
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += String(chunk)
      if (isWhole(text)) finish()
    })
    socket.on('end', finish)
    // A server that refuses a body early closes while it is being sent; its answer is what counts.
    socket.on('error', () => text && finish())
    const write = async () => {
      for await (const part of typeof request === 'string' ? [request] : request) {
        if (socket.destroyed) return
        socket.write(part)
      }
    }
    socket.on('connect', () => void write())
  })
}

/** A request in text. */
export const rawRequest = (method: string, path: string, headers: Record<string, string> = {}, body = ''): string => {
  const all = { host: '127.0.0.1', connection: 'close', ...(body ? { 'content-length': String(Buffer.byteLength(body)) } : {}), ...headers }
  return `${method} ${path} HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

function parse(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n')
  const [line = '', ...fields] = text.slice(0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1])
  if (end < 0 || !status) return undefined
  const headers = Object.fromEntries(fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 1).trim()]))
  return { status, headers, body: text.slice(end + 4) }
}

function isWhole(text: string): boolean {
  const answer = parse(text)
  const length = answer?.headers['content-length']
  return answer !== undefined && length !== undefined && answer.body.length >= Number(length)
}
