import { parseCredentials } from '../http/credentials.ts'
import { appOfJwt } from './jwt.ts'
import type { Actor } from './model.ts'
import type { GitHubState } from './state.ts'

/** Any user name goes with a token as password. Git knows no other way. Undefined for credentials that are none. */
export function authenticate(state: GitHubState, header: string | undefined, overGit: boolean): Actor | undefined {
  const credentials = parseCredentials(header)
  if (credentials.scheme === 'none') return header ? undefined : { kind: 'anonymous' }
  if (overGit) {
    if (credentials.scheme !== 'basic') return undefined
    return state.actorOf(credentials.password) ?? state.actorOf(credentials.user)
  }
  const token = credentials.scheme === 'basic' ? credentials.password : credentials.token
  const known = state.actorOf(token)
  if (known) return known
  const app = appOfJwt(token, state.apps.values())
  return app && { kind: 'app', app }
}
