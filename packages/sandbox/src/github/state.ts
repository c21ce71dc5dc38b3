import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { atLeast, type Account, type Actor, type App, type Installation, type Level, type Organization, type Permissions, type Repository, type Team, type User } from './model.ts'

interface StoredToken {
  readonly actor: Actor
  readonly expiresAt: number | undefined
}

/** Everything the server knows. Names are compared without case, as GitHub does. */
export class GitHubState {
  readonly accounts = new Map<string, Account>()
  readonly repositories = new Map<string, Repository>()
  readonly renamed = new Map<string, Repository>()
  readonly apps = new Map<number, App>()
  readonly installations = new Map<number, Installation>()
  readonly tokens = new Map<string, StoredToken>()
  readonly #folder: string
  #lastId = 1000

  constructor(folder: string) {
    this.#folder = folder
  }

  nextId(): number {
    return ++this.#lastId
  }

  pathFor(id: number): string {
    return join(this.#folder, `${id}.git`)
  }

  account(login: string): Account | undefined {
    return this.accounts.get(login.toLowerCase())
  }

  user(login: string): User | undefined {
    const account = this.account(login)
    return account?.kind === 'user' ? account : undefined
  }

  organization(login: string): Organization | undefined {
    const account = this.account(login)
    return account?.kind === 'organization' ? account : undefined
  }

  repository(owner: string, name: string): Repository | undefined {
    return this.repositories.get(repositoryKey(owner, name))
  }

  repositoryById(id: number): Repository | undefined {
    return [...this.repositories.values()].find((one) => one.id === id)
  }

  team(id: number): { org: Organization; team: Team } | undefined {
    for (const org of this.accounts.values()) {
      const team = org.kind === 'organization' && org.teams.find((one) => one.id === id)
      if (team) return { org, team }
    }
    return undefined
  }

  /** Makes a token of GitHub's form. */
  addToken(prefix: 'ghp' | 'github_pat' | 'ghs' | 'ghu' | 'ghr', actor: Actor, ttlSeconds?: number): string {
    const token = `${prefix}_${randomBytes(24).toString('hex').slice(0, 36)}`
    this.tokens.set(token, { actor, expiresAt: ttlSeconds ? Date.now() + ttlSeconds * 1000 : undefined })
    return token
  }

  /** Whose token it is; undefined for one that is unknown or has expired. */
  actorOf(token: string): Actor | undefined {
    const stored = this.tokens.get(token)
    return stored && (stored.expiresAt === undefined || stored.expiresAt > Date.now()) ? stored.actor : undefined
  }

  /** What an actor may do with a repository. */
  access(actor: Actor, repository: Repository): Level {
    const open: Level = repository.visibility === 'public' ? 'pull' : 'none'
    if (actor.kind === 'installation') {
      const { installation, permissions, repositories } = actor
      if (installation.account !== repository.owner || (repositories && !repositories.has(repository.id))) return open
      return highest(open, reach(permissions))
    }
    if (actor.kind !== 'user') return open
    const { scopes, permissions } = actor
    const own = this.accessOfUser(actor.user, repository)
    if (permissions) return highest(open, lowest(own, reach(permissions)))
    if (scopes === undefined || scopes.includes('repo')) return highest(open, own)
    return repository.visibility === 'public' ? (scopes.includes('public_repo') ? highest(open, own) : open) : 'none'
  }

  accessOfUser(user: User, repository: Repository): Level {
    const { owner } = repository
    if (user.siteAdmin || owner === user) return 'admin'
    let level: Level = repository.collaborators.get(user.login.toLowerCase()) ?? 'none'
    if (owner.kind === 'organization') {
      if (has(owner.owners, user)) return 'admin'
      if (has(owner.members, user)) {
        level = highest(level, repository.visibility === 'internal' ? 'pull' : 'none')
        level = highest(level, owner.basePermission)
      }
      for (const team of owner.teams) {
        if (has(team.members, user)) level = highest(level, team.permissions.get(repository.id) ?? 'none')
      }
    }
    return level
  }

  /** Whether an actor may make repositories for an owner. */
  creates(actor: Actor, owner: Account): boolean {
    if (actor.kind === 'installation') return actor.installation.account === owner && actor.permissions['administration'] === 'write'
    if (actor.kind !== 'user' || (actor.permissions && actor.permissions['administration'] !== 'write')) return false
    if (owner === actor.user || this.administers(actor, owner)) return true
    return owner.kind === 'organization' && owner.membersCanCreateRepositories && has(owner.members, actor.user)
  }

  /** Whether an actor may change an account and its teams. */
  administers(actor: Actor, owner: Account): boolean {
    if (actor.kind === 'installation') return actor.installation.account === owner && actor.permissions['members'] === 'write'
    if (actor.kind !== 'user') return false
    const { user } = actor
    return user.siteAdmin || owner === user || (owner.kind === 'organization' && has(owner.owners, user))
  }

  /** Whether an actor belongs to an organisation: as a user of it, or as an App installed on it. */
  belongs(actor: Actor, org: Organization): boolean {
    if (actor.kind === 'installation') return actor.installation.account === org
    return actor.kind === 'user' && (this.administers(actor, org) || has(org.members, actor.user))
  }
}

/** The key of a repository in the maps. */
export const repositoryKey = (owner: string, name: string): string => `${owner}/${name}`.toLowerCase()

const highest = (a: Level, b: Level): Level => (atLeast(a, b) ? a : b)
const lowest = (a: Level, b: Level): Level => (atLeast(a, b) ? b : a)

/** Logins are compared without case. */
export const has = (logins: ReadonlySet<string>, user: User): boolean => logins.has(user.login.toLowerCase())

/** How far the permissions of an App or a fine-grained token reach in a repository. */
function reach(permissions: Permissions): Level {
  if (permissions['administration'] === 'write') return 'admin'
  return permissions['contents'] === 'write' ? 'push' : 'contents' in permissions || 'metadata' in permissions ? 'pull' : 'none'
}
