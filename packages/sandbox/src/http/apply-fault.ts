import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultAction } from '../faults.ts'
import { dropContentLength, interceptBody } from './intercept.ts'
import { countBody, type RecordedRequest } from './recording.ts'

/** Carries a fault out, or prepares the response for it. Says whether the request still is to be handled. */
export async function applyFault(
  fault: FaultAction,
  request: IncomingMessage,
  response: ServerResponse,
  record: RecordedRequest,
): Promise<'go on' | 'lie' | 'answered'> {
  if ('status' in fault) {
    sendStatus(response, fault)
    return 'answered'
  }
  if ('reset' in fault) {
    reset(request.socket)
    return 'answered'
  }
  if ('stall' in fault) return 'answered'
  if ('lie' in fault) return 'lie'
  if ('delayMs' in fault) await sleep(fault.delayMs)
  else if ('before' in fault) await fault.before(record)
  else if ('resetRequestAfter' in fault) resetRequest(request, record, fault.resetRequestAfter)
  else if ('truncateAfter' in fault) cut(response, fault.truncateAfter, (finish) => finish())
  else if ('resetAfter' in fault) cut(response, fault.resetAfter, () => reset(request.socket))
  else if ('corruptAt' in fault) corrupt(response, fault.corruptAt)
  else if ('dropAnswer' in fault) drop(response, request.socket)
  else replace(response, fault.replaceBody)
  return 'go on'
}

function sendStatus(response: ServerResponse, fault: Extract<FaultAction, { status: number }>): void {
  const { status, body = '', headers = {} } = fault
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text)
}

function reset(socket: Socket): void {
  // Only a plain TCP socket can send RST; a TLS one closes without its farewell, which clients see as broken as well.
  if ('encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}

function resetRequest(request: IncomingMessage, record: RecordedRequest, bytes: number): void {
  if (record.bytesIn >= bytes) return reset(request.socket)
  countBody(request, () => { if (record.bytesIn >= bytes) reset(request.socket) })
}

/** Lets `bytes` of the body through, then stops it in the given way. What follows is swallowed. */
function cut(response: ServerResponse, bytes: number, stop: (finish: () => void) => void): void {
  dropContentLength(response)
  const end = response.end.bind(response) as () => ServerResponse
  let left = bytes
  let stopped = false
  const stopOnce = () => {
    if (stopped) return
    stopped = true
    // Only after what was let through has been handed to the socket.
    setImmediate(() => stop(end))
  }
  interceptBody(response, {
    write: (chunk) => {
      const part = chunk.subarray(0, left)
      left -= part.length
      if (left <= 0) stopOnce()
      return part
    },
    end: () => stopOnce(),
  })
}

function corrupt(response: ServerResponse, offset: number): void {
  let at = 0
  interceptBody(response, {
    write: (chunk) => {
      const within = offset - at
      at += chunk.length
      if (within < 0 || within >= chunk.length) return chunk
      const changed = Buffer.from(chunk)
      changed[within] = changed[within]! ^ 0xff
      return changed
    },
  })
}

function drop(response: ServerResponse, socket: Socket): void {
  response.writeHead = () => response
  interceptBody(response, { write: () => undefined, end: () => void socket.destroy() })
}

function replace(response: ServerResponse, change: (body: string) => string): void {
  dropContentLength(response)
  const parts: Buffer[] = []
  interceptBody(response, {
    write: (chunk) => void parts.push(chunk),
    end: (finish) => finish(Buffer.from(change(Buffer.concat(parts).toString()))),
  })
}
