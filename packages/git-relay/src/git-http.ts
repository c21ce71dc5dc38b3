import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Readable } from 'node:stream'
import { connectionFailure, SaddleError, statusError, type FailedAnswer, type GitRemote, type Headers, type HttpAnswer } from '@saddle/transport'
import { chunksOf } from './chunks.ts'
import { PktReader } from './pkt-line.ts'
import { sanitize } from './remote-text.ts'
import { version } from './version.ts'

/** The two sides of git's smart HTTP: fetching from a repository, pushing to it. */
export type Service = 'git-upload-pack' | 'git-receive-pack'

/** What Saddle calls itself on the wire. */
export const agent = `saddle/${version}`

/** The longest silence of a server that counts objects, in milliseconds. */
export const countingPatience = 10 * 60_000
/** A million refs are about 100 MB; what is longer is not a list of refs or of outcomes. */
const answerLimit = 256 * 1024 * 1024
const compressAbove = 1024
const compress = promisify(gzip)

/** Options of a request to a git server. */
export interface GitRequestOptions {
  signal?: AbortSignal | undefined
  /** The `Git-Protocol` to offer. */
  protocol?: 2 | undefined
  /** Whether the request may be sent again after a passing failure. On by default. */
  repeat?: boolean
  /** Longest silence in milliseconds, by default the client's; 0 leaves watching to the caller. */
  patience?: number | undefined
}

/** Asks for the advertisement of a service (`GET info/refs`). */
export async function getAdvertisement(remote: GitRemote, service: Service, options: GitRequestOptions): Promise<Readable> {
  const answer = await remote.http.request(address(remote, `info/refs?service=${service}`), {
    headers: { 'cache-control': 'no-cache', ...protocolHeader(options) },
    signal: options.signal,
    errorOf: (failed) => gitError(failed),
  })
  return expectType(answer, remote, `application/x-${service}-advertisement`)
}

/** Sends a request to git-upload-pack, compressed when it is long (as git does), and returns the answer's body. */
export async function postUploadPack(remote: GitRemote, lines: string, options: GitRequestOptions): Promise<Readable> {
  const { patience } = options
  const request = Buffer.from(lines, 'latin1')
  const long = request.length > compressAbove
  const answer = await remote.http.request(address(remote, 'git-upload-pack'), {
    method: 'POST',
    headers: {
      'content-type': 'application/x-git-upload-pack-request',
      accept: 'application/x-git-upload-pack-result',
      ...(long ? { 'content-encoding': 'gzip' } : {}),
      ...protocolHeader(options),
    },
    body: long ? await compress(request) : request,
    signal: options.signal,
    idempotent: options.repeat ?? true,
    ...(patience === undefined ? {} : { headersTimeout: patience, idleBodyTimeout: patience }),
    errorOf: (failed) => gitError(failed),
  })
  return expectType(answer, remote, 'application/x-git-upload-pack-result')
}

/** Sends a push to git-receive-pack and returns the answer's body. The caller watches for silence. */
export async function postReceivePack(
  remote: GitRemote,
  body: AsyncIterable<Uint8Array> | Uint8Array,
  options: GitRequestOptions,
): Promise<Readable> {
  const answer = await remote.http.request(address(remote, 'git-receive-pack'), {
    method: 'POST',
    headers: {
      'content-type': 'application/x-git-receive-pack-request',
      accept: 'application/x-git-receive-pack-result',
    },
    body,
    signal: options.signal,
    headersTimeout: 0,
    idleBodyTimeout: 0,
    errorOf: (failed) => (failed.status === 413 ? requestTooLarge(failed) : gitError(failed)),
  })
  return expectType(answer, remote, 'application/x-git-receive-pack-result')
}

/**
 * Reads an answer that is not a pack.
 *
 * @throws what `read` throws; a connection that breaks is `NETWORK` or `TIMEOUT`
 */
export async function readAnswer<T>(
  remote: GitRemote,
  body: Readable,
  signal: AbortSignal | undefined,
  read: (reader: PktReader) => Promise<T>,
): Promise<T> {
  const reader = new PktReader(chunksOf(body), answerLimit)
  try {
    const result = await read(reader)
    release(body, reader)
    return result
  } catch (error) {
    body.destroy()
    throw failureAt(remote, error, signal)
  }
}

/**
 * Lets go of an answer that was read as far as it matters. Its end is read without waiting for it, so that the
 * connection can be used again, and what fails then harms nobody.
 */
export function release(body: Readable, reader: PktReader): void {
  const timer = setTimeout(() => body.destroy(), endPatience)
  void reader
    .read()
    .catch(() => undefined)
    .finally(() => {
      clearTimeout(timer)
      body.destroy()
    })
}

/** How long an answer may take to end after all that matters of it, in milliseconds. */
const endPatience = 2000

/** How often an answer that breaks off is asked for in all. */
const attempts = 3

/**
 * Asks, and asks again when the answer breaks off: that does no harm to who only reads. The client itself repeats a
 * request only until an answer has begun; its errors say how often it did.
 */
export async function askAgain<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      const broken = SaddleError.is(error) && error.retryable && error.code !== 'CONFLICT' && error.context.attempts === undefined
      if (!broken || attempt >= attempts) throw error
    }
  }
}

/** What was thrown while an answer was read, with the server's name in its context and without secrets in its text. */
export function failureAt(remote: GitRemote, thrown: unknown, signal?: AbortSignal): SaddleError {
  const { host, pathname: path } = new URL(remote.url)
  const { redactor } = remote.http
  const error = connectionFailure(thrown, { host, path }, redactor, signal)
  if (error !== thrown || error.context.host !== undefined) return error
  const { code, message, cause, retryable, context } = error
  return new SaddleError(code, message, { cause, retryable, context: { host, path, ...context }, redactor })
}

const address = (remote: GitRemote, path: string): string => `${remote.url.replace(/\/+$/, '')}/${path}`

const protocolHeader = ({ protocol }: GitRequestOptions): Headers => (protocol ? { 'git-protocol': `version=${protocol}` } : {})

function expectType({ body, headers, status }: HttpAnswer, remote: GitRemote, type: string): Readable {
  const given = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (given === type) return body
  body.destroy()
  const { host, pathname } = new URL(remote.url)
  throw new SaddleError(
    'PROTOCOL_ERROR',
    `${host} does not speak git's smart HTTP at ${pathname}: it answered with ${given ?? 'no content type'}. Check the ` +
      'address; it may lead to a login page or a proxy.',
    { context: { host, path: pathname, status }, redactor: remote.http.redactor },
  )
}

/** What a proxy in front of a git server says, where it takes no request of that size. */
function requestTooLarge({ context, redactor, headers, text }: FailedAnswer): SaddleError {
  const words = headers['content-type']?.startsWith('text/plain') ? ` It says: ${sanitize(text).trim().slice(0, 500)}` : ''
  return new SaddleError(
    'PACK_TOO_LARGE',
    `${context.host ?? 'The target'} takes no request as large as this push (413); no ref was moved. Transfer the history in steps, or raise the limit of the proxy.${words}`,
    { context, redactor },
  )
}

/** The transport's error with what the server wrote for people, which says what a status cannot. */
function gitError(failed: FailedAnswer): SaddleError {
  const { headers, text, redactor } = failed
  const error = statusError(failed)
  // Atlassian servers name the reason in a header; git itself only shows the text.
  if (/captcha/i.test(headers['x-authentication-denied-reason'] ?? '') || /CAPTCHA required/i.test(text)) {
    return new SaddleError(
      'CAPTCHA_REQUIRED',
      `${failed.context.host ?? 'The server'} wants a captcha solved before it accepts this user again. Log in to it in a browser once.`,
      { context: failed.context, redactor },
    )
  }
  const words = headers['content-type']?.startsWith('text/plain') ? sanitize(text).trim().slice(0, 500) : ''
  if (!words) return error
  return new SaddleError(error.code, `${error.message} It says: ${words}`, { retryable: error.retryable, context: error.context, redactor })
}
