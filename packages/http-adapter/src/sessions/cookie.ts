import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * The session's cookie: out of reach of scripts, not sent with requests that other sites make (but for following a link).
 * Behind TLS it is `Secure` and carries the `__Host-` prefix, so that no other host of the domain can set it.
 */
export class SessionCookie {
  readonly #secure: boolean
  readonly #maxAge: number

  /** @param options - `secure`: people reach the server by https; `maxAgeMs`: the longest life of a session */
  constructor(options: { secure: boolean; maxAgeMs: number }) {
    this.#secure = options.secure
    this.#maxAge = Math.floor(options.maxAgeMs / 1000)
  }

  /** The id in the request's cookie; undefined for what no session can have as its id. */
  read(request: FastifyRequest): string | undefined {
    const id = request.cookies[this.#name(request)]
    return id !== undefined && /^[\w-]{43}$/.test(id) ? id : undefined
  }

  /** Sets the cookie. */
  write(request: FastifyRequest, reply: FastifyReply, id: string): void {
    reply.setCookie(this.#name(request), id, { ...this.#attributes(request), maxAge: this.#maxAge })
  }

  /** Takes the cookie away. */
  clear(request: FastifyRequest, reply: FastifyReply): void {
    reply.clearCookie(this.#name(request), this.#attributes(request))
  }

  #isSecure(request: FastifyRequest): boolean {
    return this.#secure || request.protocol === 'https'
  }

  #name(request: FastifyRequest): string {
    return this.#isSecure(request) ? '__Host-saddle_session' : 'saddle_session'
  }

  #attributes(request: FastifyRequest): CookieSerializeOptions {
    return { path: '/', httpOnly: true, sameSite: 'lax', secure: this.#isSecure(request) }
  }
}
