import { SaddleError, type CallOptions } from '@saddle/transport'
import type { AppCredentials } from './app-credentials.ts'
import type { Credentials } from './credentials.ts'
import { checkOwner } from './names.ts'
import type { Rest } from './rest.ts'
import * as schema from './schema.ts'
import type { Organization, Viewer } from './types.ts'

/** What is known of an account. */
export interface Account {
  readonly id: number
  readonly login: string
  readonly kind: 'organization' | 'user'
}

/** Whose credentials these are; for an App the App itself. */
export async function readViewer(rest: Rest, credentials: Credentials, { signal }: CallOptions): Promise<Viewer> {
  if (isApp(credentials)) {
    const { slug, name } = await credentials.app.get('GET /app', schema.app, { signal })
    return Object.freeze({ login: `${slug ?? name}[bot]`, type: 'App' })
  }
  const answer = await rest.call('GET /user', { signal })
  const { login, type } = rest.parse(schema.account, answer)
  const header = answer.headers['x-oauth-scopes']
  if (header === undefined) return Object.freeze({ login, type })
  const scopes = Object.freeze(header.split(',').map((scope) => scope.trim()).filter(Boolean))
  return Object.freeze({ login, type, scopes })
}

/** An account by its login; undefined when there is none. */
export async function readAccount(rest: Rest, login: string, { signal }: CallOptions): Promise<Account | undefined> {
  checkOwner(login)
  try {
    const { id, login: name, type } = await rest.get('GET /users/{username}', schema.account, { params: { username: login }, owner: login, signal })
    return { id, login: name, kind: type === 'Organization' ? 'organization' : 'user' }
  } catch (error) {
    if (SaddleError.from(error).code === 'NOT_FOUND') return undefined
    throw error
  }
}

/** The organisations that the token's user is a member of, or that the App is installed on. */
export async function* listOrganizations(rest: Rest, credentials: Credentials, { signal }: CallOptions): AsyncGenerator<Organization, void, undefined> {
  if (!isApp(credentials)) return yield* rest.list('GET /user/orgs', schema.organizationItem, { signal })
  for await (const { account } of credentials.app.list('GET /app/installations', schema.installation, { signal })) {
    if (account?.login === undefined || account.type !== 'Organization') continue
    yield Object.freeze({ id: account.id, login: account.login, description: undefined })
  }
}

/** Whether credentials are those of an App. */
export function isApp(credentials: Credentials): credentials is AppCredentials {
  return credentials.kind === 'app'
}
