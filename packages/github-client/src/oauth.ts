import { HttpClient, SaddleError, type CallOptions, type ClientOptions, type ErrorCode } from '@saddle/transport'
import { z } from 'zod'

/** The web address that belongs to the public REST API. */
const defaultWebUrl = 'https://github.com'

/** A GitHub App (or OAuth App) that signs users in, and how to reach the server. */
export interface OAuthApp extends Omit<ClientOptions, 'budget' | 'retry'> {
  clientId: string
  clientSecret: string
  /** Default `https://github.com`; see {@link webUrlOf} for others. */
  webUrl?: string | URL | undefined
}

/** What a user's agreement yields. */
export interface UserToken {
  readonly accessToken: string
  /** ISO 8601; undefined for a token that does not expire. */
  readonly expiresAt: string | undefined
  /** Exchanged for the next token, once, by {@link refreshToken}. */
  readonly refreshToken: string | undefined
  /** ISO 8601. */
  readonly refreshTokenExpiresAt: string | undefined
  /** Empty for a GitHub App, which has permissions instead. */
  readonly scopes: readonly string[]
}

/** The page on which a user agrees. GitHub then sends the browser to `redirectUri` with `code` and the same `state`. */
export function authorizationUrl({
  clientId, redirectUri, state, webUrl = defaultWebUrl, scopes = [],
}: {
  clientId: string
  redirectUri: string
  /** Unguessable, bound to the browser's session and good for one use: the defence against forged callbacks. */
  state: string
  webUrl?: string | URL | undefined
  /** For OAuth Apps; GitHub Apps ignore them. */
  scopes?: readonly string[]
}): string {
  const base = new URL(webUrl)
  const url = new URL(`${base.pathname.replace(/\/$/, '')}/login/oauth/authorize`, base)
  url.searchParams.set('client_id', clientId)
  url.searchParams.set('redirect_uri', redirectUri)
  url.searchParams.set('state', state)
  if (scopes.length) url.searchParams.set('scope', scopes.join(' '))
  return url.href
}

/**
 * Exchanges the code of a callback for the user's token. A code is good for ten minutes and one use, so this is sent
 * once only.
 *
 * @throws SaddleError `AUTHENTICATION_FAILED` for a code or client secret that GitHub does not accept; `INVALID_INPUT`
 * when `redirectUri` is not the one that the code was made for
 */
export function exchangeCode(app: OAuthApp, { code, redirectUri, signal }: CallOptions & { code: string; redirectUri?: string | undefined }): Promise<UserToken> {
  return requestToken(app, { code, ...(redirectUri === undefined ? {} : { redirect_uri: redirectUri }) }, code, signal)
}

/**
 * Exchanges a refresh token for the user's next token (and next refresh token; the old one is used up).
 *
 * @throws SaddleError `AUTHENTICATION_FAILED` when it is used up or expired: the user has to sign in again
 */
export function refreshToken(app: OAuthApp, { refreshToken: token, signal }: CallOptions & { refreshToken: string }): Promise<UserToken> {
  return requestToken(app, { grant_type: 'refresh_token', refresh_token: token }, token, signal)
}

const answer = z.union([
  z.object({ error: z.string(), error_description: z.string().default('') }),
  z.object({
    access_token: z.string(),
    expires_in: z.number().optional(),
    refresh_token: z.string().optional(),
    refresh_token_expires_in: z.number().optional(),
    scope: z.string().default(''),
  }),
])

async function requestToken(
  { clientId, clientSecret, webUrl = defaultWebUrl, ...connection }: OAuthApp,
  grant: Record<string, string>,
  secret: string,
  signal: AbortSignal | undefined,
): Promise<UserToken> {
  const http = new HttpClient({ ...connection, baseUrl: webUrl })
  const { redactor } = http
  for (const one of [clientSecret, secret]) redactor.add(one)
  const asked = Date.now()
  try {
    const { data } = await http.json('login/oauth/access_token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: clientId, client_secret: clientSecret, ...grant }),
      signal,
    })
    const result = answer.safeParse(data)
    if (!result.success) {
      throw new SaddleError('PROTOCOL_ERROR', `${http.baseUrl.host} answered the exchange of a token in an unexpected shape. Check the web address of the server.`, {
        context: { host: http.baseUrl.host },
      })
    }
    // Failures come with status 200.
    if ('error' in result.data) {
      const { error, error_description: description } = result.data
      const { code, advice, option } = failures[error] ?? { code: 'AUTHENTICATION_FAILED' as const, advice: 'Sign in again.', option: undefined }
      throw new SaddleError(code, `GitHub refuses to sign the user in (${error}): ${description} ${advice}`, {
        context: { host: http.baseUrl.host, ...(option ? { option } : {}) },
        redactor,
      })
    }
    const { access_token, expires_in, refresh_token, refresh_token_expires_in, scope } = result.data
    for (const one of [access_token, refresh_token ?? '']) redactor.add(one)
    const after = (seconds: number | undefined) => (seconds === undefined ? undefined : new Date(asked + seconds * 1000).toISOString())
    return {
      accessToken: access_token,
      expiresAt: after(expires_in),
      refreshToken: refresh_token,
      refreshTokenExpiresAt: after(refresh_token_expires_in),
      scopes: scope.split(/[ ,]+/).filter(Boolean),
    }
  } finally {
    await http.close()
  }
}

/** GitHub's error names ("Troubleshooting OAuth app access token request errors"), with what to do. */
const failures: Record<string, { code: ErrorCode; advice: string; option?: string }> = {
  incorrect_client_credentials: { code: 'AUTHENTICATION_FAILED', advice: 'Check client id and client secret of the App.', option: 'clientSecret' },
  redirect_uri_mismatch: { code: 'INVALID_INPUT', advice: 'Enter this address as callback URL in the settings of the App.', option: 'redirectUri' },
  bad_verification_code: { code: 'AUTHENTICATION_FAILED', advice: 'Sign in again; a code is good for ten minutes and one use.' },
  bad_refresh_token: { code: 'AUTHENTICATION_FAILED', advice: 'Sign in again.' },
}
