import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendJson, sendText } from '../http/send-json.ts'
import type { App, User } from './model.ts'
import type { GitHubState } from './state.ts'

interface Grant {
  readonly app: App
  readonly user: User
  readonly redirectUri: string | undefined
  readonly expiresAt: number
}

/** The pages of an App's user flow: agree in the browser, then exchange the code for a token. */
export class OAuth {
  readonly #state: GitHubState
  readonly #codes = new Map<string, Grant>()
  readonly #refresh = new Map<string, { app: App; user: User; accessToken: string }>()
  /** Login of the user who sits in front of the browser. */
  browserUser = 'admin'

  constructor(state: GitHubState) {
    this.#state = state
  }

  /** Answers a path below `/login/oauth/`; false for any other. */
  async serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    if (url.pathname === '/login/oauth/authorize') {
      if (request.method === 'POST') this.#agree(response, new URLSearchParams(await bodyOf(request)))
      else this.#ask(response, url)
      return true
    }
    if (url.pathname === '/login/oauth/access_token' && request.method === 'POST') {
      this.#token(response, parameters(await bodyOf(request), request.headers['content-type']))
      return true
    }
    return false
  }

  #ask(response: ServerResponse, url: URL): void {
    const app = this.#app(url.searchParams.get('client_id'))
    if (!app) return sendText(response, 404, 'Not Found\n')
    const fields = ['client_id', 'redirect_uri', 'state'].map(
      (name) => `<input type="hidden" name="${name}" value="${escapeHtml(url.searchParams.get(name) ?? '')}">`,
    )
    const page = `<!doctype html><title>Authorize ${escapeHtml(app.slug)}</title><h1>Authorize ${escapeHtml(app.slug)}</h1>
<form method="post" action="/login/oauth/authorize">${fields.join('')}<button name="authorize" value="1">Authorize</button><button name="authorize" value="0">Cancel</button></form>`
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page)
  }

  #agree(response: ServerResponse, form: URLSearchParams): void {
    const app = this.#app(form.get('client_id'))
    const user = this.#state.user(this.browserUser)
    const redirectUri = form.get('redirect_uri') || undefined
    const callback = redirectUri ?? app?.callbackUrl
    if (!app || !user || !callback) return sendText(response, 404, 'Not Found\n')
    if (!URL.canParse(callback) || (app.callbackUrl && new URL(callback).origin !== new URL(app.callbackUrl).origin)) {
      return sendText(response, 400, 'The redirect_uri is not associated with this application.\n')
    }
    const location = new URL(callback)
    if (form.get('authorize') === '0') {
      location.searchParams.set('error', 'access_denied')
      location.searchParams.set('error_description', 'The user has denied your application access.')
    } else {
      const code = randomBytes(10).toString('hex')
      this.#codes.set(digest(code), { app, user, redirectUri, expiresAt: Date.now() + 600_000 })
      location.searchParams.set('code', code)
    }
    if (form.get('state')) location.searchParams.set('state', form.get('state')!)
    response.writeHead(302, { location: location.href }).end()
  }

  /** Failures are answers with status 200, as GitHub has it. */
  #token(response: ServerResponse, form: URLSearchParams): void {
    const app = this.#app(form.get('client_id'))
    const refuse = (error: string, description: string) => sendJson(response, 200, { error, error_description: description, error_uri: 'https://docs.github.com/apps' })
    if (!app || form.get('client_secret') !== app.clientSecret) return refuse('incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.')
    let user: User | undefined
    if (form.get('grant_type') === 'refresh_token') {
      const token = form.get('refresh_token') ?? ''
      const grant = this.#refresh.get(token)
      if (grant?.app === app) {
        user = grant.user
        // A refresh ends both tokens ("Refreshing user access tokens" in GitHub's documentation).
        this.#state.tokens.delete(grant.accessToken)
        this.#refresh.delete(token)
      }
      if (!user) return refuse('bad_refresh_token', 'The refresh token passed is incorrect or expired.')
    } else {
      const key = digest(form.get('code') ?? '')
      const grant = this.#codes.get(key)
      this.#codes.delete(key)
      if (!grant || grant.app !== app || grant.expiresAt < Date.now()) return refuse('bad_verification_code', 'The code passed is incorrect or expired.')
      if (grant.redirectUri !== undefined && form.get('redirect_uri') && form.get('redirect_uri') !== grant.redirectUri) {
        return refuse('redirect_uri_mismatch', 'The redirect_uri MUST match the registered callback URL for this application.')
      }
      user = grant.user
    }
    const ttl = app.userTokenTtlSeconds
    const token = this.#state.addToken('ghu', { kind: 'user', user, scopes: undefined }, ttl || undefined)
    if (!ttl) return sendJson(response, 200, { access_token: token, token_type: 'bearer', scope: '' })
    const refreshToken = `ghr_${randomBytes(24).toString('hex')}`
    this.#refresh.set(refreshToken, { app, user, accessToken: token })
    sendJson(response, 200, { access_token: token, expires_in: ttl, refresh_token: refreshToken, refresh_token_expires_in: 15_897_600, token_type: 'bearer', scope: '' })
  }

  #app(clientId: string | null): App | undefined {
    return [...this.#state.apps.values()].find((one) => one.clientId === clientId)
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function parameters(body: string, type = ''): URLSearchParams {
  return type.includes('json') ? new URLSearchParams(JSON.parse(body) as Record<string, string>) : new URLSearchParams(body)
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)
