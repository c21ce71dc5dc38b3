import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { sendText } from '../http/send-json.ts'
import type { Link } from './links.ts'

/** Carries out what a link is for: sends the content, takes it, or confirms that it is here. */
export async function serveLink(request: IncomingMessage, response: ServerResponse, link: Link): Promise<void> {
  const { operation, store, object } = link
  const stored = await store.size(object.oid)
  if (operation === 'download' && request.method === 'GET') {
    if (stored === undefined) return sendText(response, 404, 'Not Found\n')
    return sendContent(request, response, link, stored)
  }
  if (operation === 'upload' && request.method === 'PUT') {
    const written = await store.write(request, object).catch(() => undefined)
    // A client that went away hears nothing.
    if (response.destroyed) return
    return written ? sendText(response, 200, '') : sendText(response, 400, 'The content does not have the announced hash or size.\n')
  }
  if (operation === 'verify' && request.method === 'POST') {
    request.resume()
    return stored === object.size ? sendText(response, 200, '') : sendText(response, 404, 'Object does not exist\n')
  }
  sendText(response, 405, 'Method Not Allowed\n')
}

/** Also from a byte on, as a client asks for that takes up a download again. */
async function sendContent(request: IncomingMessage, response: ServerResponse, { store, object }: Link, size: number): Promise<void> {
  const [, from = '0'] = /^bytes=(\d+)-/.exec(request.headers.range ?? '') ?? []
  const start = Number(from)
  if (start > 0 && start >= size) return sendText(response, 416, '', { 'content-range': `bytes */${size}` })
  response.writeHead(start > 0 ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': size - start,
    'accept-ranges': 'bytes',
    ...(start > 0 ? { 'content-range': `bytes ${start}-${size - 1}/${size}` } : {}),
  })
  await pipeline(store.read(object.oid, start), response).catch(() => response.destroy())
}
