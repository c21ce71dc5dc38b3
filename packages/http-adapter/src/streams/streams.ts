import { SaddleError } from '@saddle/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpProblem } from '../security/errors.ts'
import type { Session, Sessions } from '../sessions/sessions.ts'

/** One event, its data already JSON of one line. */
export interface StreamEvent {
  id: string
  event: string
  data: string
}

/** Why a stream is closed by the server; sent as the name of its last event. */
type Closing = 'server_closing' | 'session_ended'

interface Open {
  session: Session
  close: (why: Closing) => void
}

/** Event streams, counted by session and closed with it. */
export class Streams {
  readonly #sessions: () => Sessions
  readonly #perSession: number
  readonly #open = new Map<string, Set<Open>>()
  readonly #timer: NodeJS.Timeout
  #closing = false

  /** @param options - `checkMs`: how often to see whether the sessions of open streams are still there */
  constructor(options: { sessions: () => Sessions; perSession: number; checkMs: number }) {
    this.#sessions = options.sessions
    this.#perSession = options.perSession
    this.#timer = setInterval(() => void this.#check().catch(() => undefined), options.checkMs)
    this.#timer.unref()
  }

  /**
   * Sends events until there are no more, the caller goes away, or the server closes the stream. A reader that is slow is
   * waited for: nothing piles up for it here.
   *
   * @param events - makes the events; the signal fires when nobody wants them any more
   */
  async send(request: FastifyRequest, reply: FastifyReply, session: Session, events: (signal: AbortSignal) => AsyncIterable<StreamEvent>): Promise<void> {
    if (this.#closing) throw new HttpProblem(503, 'STOPPING', 'The server is stopping. Connect again in a moment.')
    const { subject } = session
    const open = this.#open.get(subject) ?? new Set()
    if (open.size >= this.#perSession) {
      throw new HttpProblem(429, 'TOO_MANY_STREAMS', `The session has ${open.size} event streams open, which is the most it may have. Close some.`)
    }
    const stop = new AbortController()
    let closing: Closing | undefined
    const entry: Open = {
      session,
      close: (why) => {
        closing ??= why
        stop.abort()
      },
    }
    const gone = new Promise<void>((resolve) => reply.raw.once('close', resolve))
    void gone.then(() => stop.abort())
    open.add(entry)
    this.#open.set(subject, open)
    try {
      reply.sse.sendHeaders(200)
      // Says how soon to come back, and shows that the stream works before anything happened.
      await drained(reply.raw, 'retry: 1000\n\n')
      await this.#forward(reply, events(stop.signal), stop.signal, gone)
      if (closing !== undefined && reply.sse.isConnected) {
        await Promise.race([gone, reply.sse.send({ event: closing, data: '{}' })])
      }
    } finally {
      stop.abort()
      open.delete(entry)
      if (open.size === 0 && this.#open.get(subject) === open) this.#open.delete(subject)
    }
  }

  /** Closes the streams of a session that ended. */
  end(subject: string): void {
    for (const entry of this.#open.get(subject) ?? []) entry.close('session_ended')
  }

  /** Closes all streams, with an event that says why; who reads on comes back later. */
  close(): void {
    this.#closing = true
    clearInterval(this.#timer)
    for (const open of this.#open.values()) for (const entry of open) entry.close('server_closing')
  }

  async #forward(reply: FastifyReply, events: AsyncIterable<StreamEvent>, signal: AbortSignal, gone: Promise<void>): Promise<void> {
    try {
      for await (const event of events) {
        if (signal.aborted) break
        // The plugin waits for a slow reader, and would wait for one that left for ever.
        const sent = reply.sse.send(event)
        if (reply.raw.writableNeedDrain) await Promise.race([gone, sent])
        else await sent
      }
    } catch (error) {
      // The status is sent; all that can be done is to end, so that the reader comes back and is told.
      if (!signal.aborted) reply.log.warn({ err: { code: SaddleError.from(error).code } }, 'event stream ended early')
    }
  }

  /** A session can end elsewhere; and while a stream is read, its session is in use. */
  async #check(): Promise<void> {
    for (const [subject, open] of this.#open) {
      const [entry] = open
      if (entry && !(await this.#sessions().keepAlive(entry.session))) this.end(subject)
    }
  }
}

async function drained(raw: FastifyReply['raw'], text: string): Promise<void> {
  if (raw.write(text)) return
  await new Promise<void>((resolve) => {
    raw.once('drain', resolve)
    raw.once('close', resolve)
  })
}

/** The number that a reconnecting reader had last; 0 for one that begins. */
export function lastEventId(request: FastifyRequest): number {
  const header = request.headers['last-event-id']
  const text = typeof header === 'string' ? header.trim() : ''
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

/** Whether the caller wants the state once, as JSON, instead of a stream. */
export function wantsJson(request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? ''
  return accept.includes('application/json') && !accept.includes('text/event-stream')
}

/** Who does not say what he accepts gets the stream; the plugin makes one only for those who ask for it by name. */
export function preferStream(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  if (!wantsJson(request)) request.headers.accept = 'text/event-stream'
  done()
}
