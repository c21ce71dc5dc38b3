import { Semaphore, SaddleError, type CallOptions, type HttpClient } from '@saddle/transport'
import { missingPart, requestOptions } from './failure.ts'
import { parse } from './parse.ts'
import * as schema from './schema.ts'
import type { RepositorySize } from './types.ts'

/** Failures that say that this resource is closed to the credentials, for every repository. */
const refusals = new Set(['AUTHENTICATION_FAILED', 'CAPTCHA_REQUIRED', 'REDIRECTED', 'PROTOCOL_ERROR'])

/**
 * Reads sizes, which the server tells outside its REST API. Refused logins are counted by the server and end in a CAPTCHA,
 * so until one question was answered, no second one is asked at the same time, and after a refusal none at all.
 */
export class SizeReader {
  readonly #http: HttpClient
  readonly #first = new Semaphore(1)
  #state: 'unknown' | 'open' | 'closed' = 'unknown'

  constructor(http: HttpClient, closed: boolean) {
    this.#http = http
    if (closed) this.#state = 'closed'
  }

  async read(path: string, { signal }: CallOptions): Promise<RepositorySize | undefined> {
    const release = this.#state === 'unknown' ? await this.#first.enter(signal) : undefined
    try {
      if (this.#state === 'closed') return undefined
      const { data } = await this.#http.json(path, requestOptions(signal))
      const size = parse(schema.sizes, data, this.#http, path)
      this.#state = 'open'
      return size
    } catch (error) {
      const { code } = SaddleError.from(error)
      if (refusals.has(code)) this.#state = 'closed'
      // A server without this resource, or a repository that the user may not read.
      else if (missingPart(error) !== 'resource' && code !== 'FORBIDDEN') throw error
      return undefined
    } finally {
      release?.()
    }
  }
}
