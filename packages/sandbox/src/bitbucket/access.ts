import { parseCredentials } from '../http/credentials.ts'
import type { RestError } from '../http/rest-error.ts'
import { badCredentials, captchaRequired } from './errors.ts'
import { levelOf, type Actor, type Grants, type Level, type Permission, type Project, type Repository, type User } from './model.ts'
import type { BitbucketState } from './state.ts'

/** Says who asks, and counts failed logins. */
export class Authenticator {
  readonly #state: BitbucketState
  readonly #captchaAfter: number
  readonly #failures = new Map<string, number>()

  constructor(state: BitbucketState, captchaAfter = Infinity) {
    this.#state = state
    this.#captchaAfter = captchaAfter
  }

  /**
   * @param tokens whether HTTP access tokens are known at this address: only under `/rest` and `/scm`.
   * @returns the actor, or the answer that turns the request away.
   */
  authenticate(header: string | undefined, tokens: boolean): Actor | RestError {
    const credentials = parseCredentials(header)
    if (credentials.scheme === 'none') return { kind: 'anonymous' }
    if (credentials.scheme === 'bearer') {
      const token = this.#state.tokens.get(credentials.token)
      return tokens && token ? { kind: 'token', token } : badCredentials()
    }
    const name = credentials.user.toLowerCase()
    const failures = this.#failures.get(name) ?? 0
    if (failures >= this.#captchaAfter) return captchaRequired()
    const user = this.#state.user(name)
    if (user?.active && user.password === credentials.password) {
      this.#failures.delete(name)
      return { kind: 'password', user }
    }
    const token = this.#state.tokens.get(credentials.password)
    if (tokens && token?.kind === 'user' && token.user === user) return { kind: 'token', token }
    this.#failures.set(name, failures + 1)
    return badCredentials()
  }
}

/** The user behind an actor, if it is a user's. */
export function userOf(actor: Actor): User | undefined {
  if (actor.kind === 'password') return actor.user
  return actor.kind === 'token' && actor.token.kind === 'user' ? actor.token.user : undefined
}

/** The name in `X-AUSERNAME`; project and repository tokens have a user of their own behind the scenes. */
export function actorName(actor: Actor): string | undefined {
  if (actor.kind === 'anonymous') return undefined
  const user = userOf(actor)
  if (user) return user.name
  const token = actor.kind === 'token' ? actor.token : undefined
  if (token?.kind === 'repository') return `access-token-user/${token.repository.project.id}/${token.repository.id}`
  return token?.kind === 'project' ? `access-token-user/${token.project.id}` : undefined
}

/** What may an actor do. */
export class Access {
  readonly #state: BitbucketState

  constructor(state: BitbucketState) {
    this.#state = state
  }

  toProject(actor: Actor, project: Project): Level {
    const floor = project.public ? 1 : 0
    if (actor.kind === 'token' && actor.token.kind !== 'user') {
      const { token } = actor
      if (token.kind === 'project' && token.project === project) return token.level
      return token.kind === 'repository' && token.repository.project === project ? 1 : floor
    }
    return capped(actor, this.#projectLevel(userOf(actor), project), floor)
  }

  toRepository(actor: Actor, repository: Repository): Level {
    const floor = repository.public || repository.project.public ? 1 : 0
    if (actor.kind === 'token' && actor.token.kind !== 'user') {
      const { token } = actor
      const holds = token.kind === 'project' ? token.project === repository.project : token.repository === repository
      return holds ? token.level : floor
    }
    const user = userOf(actor)
    const own = user ? grantedTo(user, repository.grants, this.#state.groups) : 0
    return capped(actor, higher(own, this.#projectLevel(user, repository.project)), floor)
  }

  /** Projects are seen by those who may see one of their repositories. */
  seesProject(actor: Actor, project: Project): boolean {
    if (this.toProject(actor, project) > 0) return true
    for (const repository of this.#state.repositories.values()) {
      if (repository.project === project && this.toRepository(actor, repository) > 0) return true
    }
    return false
  }

  /** Administration of the server itself, which no token may do. */
  isAdmin(actor: Actor): boolean {
    return actor.kind === 'password' && actor.user.admin
  }

  #projectLevel(user: User | undefined, project: Project): Level {
    if (!user) return 0
    if (user.admin || project.owner === user) return 3
    return higher(grantedTo(user, project.grants, this.#state.groups), levelOf(project.defaultPermission))
  }
}

const higher = (one: Level, other: Level): Level => (one > other ? one : other)

/** A user's token reaches no further than its own level. */
function capped(actor: Actor, level: Level, floor: Level): Level {
  const within = actor.kind === 'token' && actor.token.level < level ? actor.token.level : level
  return higher(within, floor)
}

function grantedTo(user: User, grants: Grants, groups: ReadonlyMap<string, Set<string>>): Level {
  let highest = levelOf(grants.users.get(user.name))
  for (const [group, permission] of grants.groups) {
    if (groups.get(group)?.has(user.name)) highest = higher(highest, levelOf(permission))
  }
  return highest
}

/** Grants, or with undefined revokes. */
export function grant(to: Map<string, Permission>, name: string, permission: Permission | undefined): void {
  if (permission) to.set(name, permission)
  else to.delete(name)
}
