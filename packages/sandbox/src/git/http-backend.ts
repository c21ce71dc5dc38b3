import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { relative } from 'node:path'
import type { Readable } from 'node:stream'
import type { Git } from './git.ts'

/** What a request to git's smart HTTP asks for. */
export interface GitRequest {
  /** The bare repository. */
  readonly path: string
  /** `info/refs`, `git-upload-pack` or `git-receive-pack`. */
  readonly endpoint: string
  readonly service: GitService
  /** Who asks, for the reflog. */
  readonly user?: string
  /** Whether the client's choice of protocol (`Git-Protocol: version=2`) reaches git. */
  readonly protocol: 0 | 2
  readonly config?: Record<string, string | readonly string[]>
  /** Variables for hooks. */
  readonly environment?: Record<string, string>
  /** The request's body where it was inflated or looked at on the way. */
  readonly body?: Readable
  /** Changes the whole answer, which is held in memory for that. Only for pushes, whose answers are short. */
  readonly rewrite?: (answer: Buffer) => Buffer
  /** What must have happened before the client sees the end of the answer. */
  readonly beforeEnd?: () => Promise<void>
}

/** The two services of git's smart HTTP. */
export type GitService = 'git-upload-pack' | 'git-receive-pack'

/** Decodes a part of a path; what cannot be decoded stays, and names nothing. */
export function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Splits the part of a path behind the repository and its query into what smart HTTP knows; undefined for others. */
export function parseGitEndpoint(
  method: string,
  endpoint: string,
  query: URLSearchParams,
): { endpoint: string; service: GitService } | undefined {
  const service = endpoint === 'info/refs' && method === 'GET' ? query.get('service') : method === 'POST' ? endpoint : null
  return service === 'git-upload-pack' || service === 'git-receive-pack' ? { endpoint, service } : undefined
}

/** Runs `git http-backend` as a CGI program for each request. Packs stream through both ways and are never held. */
export class GitHttpBackend {
  readonly #running = new Set<ChildProcessWithoutNullStreams>()
  readonly #git: Git
  readonly #root: string

  constructor(git: Git, root: string) {
    this.#git = git
    this.#root = root
  }

  /** Answers the request; resolves when git has ended and everything it said was handed to the response. */
  async serve(request: IncomingMessage, response: ServerResponse, ask: GitRequest): Promise<void> {
    if (response.destroyed) return // the client has gone while it was waiting
    const child = spawn(`${this.#git.execPath}/git-http-backend`, [], { env: this.#environment(request, ask) })
    this.#running.add(child)
    const closed = new Promise<void>((resolve) => {
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    })
    this.#feed(child, request, ask.body ?? request)
    response.once('close', () => {
      if (response.writableFinished) return
      // The client is gone. A fetch ends with it, http-backend taking its own children along. A push is carried out if it came
      // whole, as on real servers; else it ends for want of the rest. To kill it could leave the lock of a ref behind.
      if (ask.service === 'git-upload-pack') child.kill()
      else child.stdin.end()
      child.stdout.unpipe()
      child.stdout.resume()
    })
    child.stderr.resume()
    const rest = await sendAnswer(child.stdout, response, ask.rewrite)
    await closed
    this.#running.delete(child)
    await ask.beforeEnd?.()
    response.end(rest)
  }

  /** Stops all git processes that still run. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map(async (child) => {
      const gone = new Promise((resolve) => child.once('close', resolve))
      child.stdout.destroy()
      child.stderr.destroy()
      child.kill()
      await gone
    }))
  }

  #environment(request: IncomingMessage, ask: GitRequest): Record<string, string> {
    const { headers } = request
    const pushes = ask.service === 'git-receive-pack'
    const header = (name: string) => (typeof headers[name] === 'string' ? headers[name] : '')
    return {
      ...this.#git.environment({ 'http.receivepack': 'true', 'http.uploadpack': 'true', ...ask.config }),
      GIT_PROJECT_ROOT: this.#root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: `/${relative(this.#root, ask.path)}/${ask.endpoint}`,
      QUERY_STRING: ask.endpoint === 'info/refs' ? `service=${ask.service}` : '',
      CONTENT_TYPE: header('content-type'),
      REMOTE_USER: ask.user ?? '',
      REMOTE_ADDR: request.socket.remoteAddress ?? '',
      // An inflated body has another length than the header says.
      ...(ask.body && ask.body !== request
        ? {}
        : { CONTENT_LENGTH: header('content-length'), HTTP_CONTENT_ENCODING: header('content-encoding') }),
      // git-receive-pack knows no version 2, and servers offer it version 0.
      ...(ask.protocol === 2 && !pushes ? { GIT_PROTOCOL: header('git-protocol') } : {}),
      ...ask.environment,
    }
  }

  #feed(child: ChildProcessWithoutNullStreams, request: IncomingMessage, body: Readable): void {
    child.stdin.on('error', () => {}) // git ended first; its answer says why
    body.pipe(child.stdin)
    child.stdin.once('close', () => {
      body.unpipe(child.stdin)
      body.resume() // what git no longer reads must not block the connection
    })
    body.once('error', () => child.stdin.destroy())
    // A request cut short must look cut short to git, not complete.
    const cutShort = () => { if (!request.complete) child.stdin.destroy() }
    if (request.closed) cutShort()
    else request.once('close', cutShort)
  }
}

/** Translates a CGI answer (headers, empty line, body) to an HTTP answer. Returns what is to be sent last. */
async function sendAnswer(
  output: Readable,
  response: ServerResponse,
  rewrite: ((answer: Buffer) => Buffer) | undefined,
): Promise<Buffer> {
  const head = await readHead(output)
  if (!head) {
    if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
    return Buffer.from('git ended without an answer\n')
  }
  response.writeHead(head.status, head.headers)
  if (rewrite) {
    const chunks: Buffer[] = [head.rest]
    output.on('data', (chunk: Buffer) => chunks.push(chunk))
    await ended(output)
    return rewrite(Buffer.concat(chunks))
  }
  if (head.rest.length > 0) response.write(head.rest)
  if (!response.destroyed) output.pipe(response, { end: false })
  await ended(output)
  return Buffer.alloc(0)
}

const ended = (stream: Readable) => new Promise<void>((resolve) => {
  if (stream.destroyed || stream.readableEnded) return resolve()
  stream.once('end', resolve)
  stream.once('close', resolve)
})

interface CgiHead {
  readonly status: number
  readonly headers: Record<string, string>
  readonly rest: Buffer
}

async function readHead(output: Readable): Promise<CgiHead | undefined> {
  let seen = Buffer.alloc(0)
  const boundary = await new Promise<number>((resolve) => {
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      const at = seen.indexOf('\r\n\r\n')
      if (at < 0) return
      output.off('data', onData)
      output.pause()
      resolve(at)
    }
    output.on('data', onData)
    output.once('close', () => resolve(-1))
  })
  if (boundary < 0) return undefined
  const headers: Record<string, string> = {}
  let status = 200
  for (const line of seen.toString('latin1', 0, boundary).split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'status') status = Number.parseInt(value, 10)
    else headers[name] = value
  }
  return { status, headers, rest: seen.subarray(boundary + 4) }
}
