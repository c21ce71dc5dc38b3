import type { Sandbox } from '@saddle/sandbox'
import { readEvents, type SentEvent } from './events.ts'

export interface Answer {
  status: number
  headers: Headers
  /** The parsed body; its text where it is not JSON. */
  body: any
}

/** Somebody who calls the API with a cookie jar, as a browser or a program would. */
export class Caller {
  readonly url: string
  readonly headers: Record<string, string> = {}
  cookie: string | undefined

  constructor(url: string) {
    this.url = url
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('GET', path, undefined, headers)
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', path, body, headers)
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.send('PUT', path, body)
  }

  delete(path: string): Promise<Answer> {
    return this.send('DELETE', path)
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await this.fetch(path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const json = (response.headers.get('content-type') ?? '').includes('json') && !(response.headers.get('content-type') ?? '').includes('ndjson')
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.url + path, {
      redirect: 'manual',
      ...init,
      headers: { ...(this.cookie === undefined ? {} : { cookie: this.cookie }), ...this.headers, ...(init.headers as Record<string, string>) },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      this.cookie = pair.endsWith('=') ? undefined : pair
    }
    return response
  }

  /** Logs in to the source as its administrator. */
  async login({ bitbucket }: Sandbox): Promise<Answer> {
    return this.post('/api/v1/auth/bitbucket', { username: bitbucket.adminUsername, password: bitbucket.adminPassword })
  }

  /** The events of a stream, as they come. */
  async *events(path: string, options: { after?: string; signal?: AbortSignal } = {}): AsyncGenerator<SentEvent> {
    const response = await this.fetch(path, {
      headers: { accept: 'text/event-stream', ...(options.after === undefined ? {} : { 'last-event-id': options.after }) },
      ...(options.signal ? { signal: options.signal } : {}),
    })
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    yield* readEvents(response.body!)
  }

  /** Follows a migration to its end, and says how it stands then. */
  async finished(id: string): Promise<any> {
    for await (const _ of this.events(`/api/v1/migration/status/${id}`));
    return (await this.get(`/api/v1/migration/history/${id}`)).body
  }
}
