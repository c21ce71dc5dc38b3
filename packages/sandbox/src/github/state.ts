import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { atLeast, levels, type Account, type Actor, type App, type Installation, type Level, type Organization, type Repository, type Team, type User } from './model.ts'

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
      const { account, permissions } = actor.installation
      if (account !== repository.owner) return open
      if (permissions['administration'] === 'write') return 'admin'
      return permissions['contents'] === 'write' ? 'push' : permissions['contents'] === 'read' ? 'pull' : open
    }
    if (actor.kind !== 'user') return open
    const { scopes } = actor
    const own = this.accessOfUser(actor.user, repository)
    if (scopes === undefined || scopes.includes('repo')) return highest(open, own)
    return repository.visibility === 'public' ? (scopes.includes('public_repo') ? highest(open, own) : open) : 'none'
  }

  accessOfUser(user: User, repository: Repository): Level {
    const { owner } = repository
    if (user.siteAdmin || owner === user) return 'admin'
    let level: Level = repository.collaborators.get(user.login.toLowerCase()) ?? 'none'
    if (owner.kind === 'organization') {
      if (owner.owners.has(user.login)) return 'admin'
      if (owner.members.has(user.login)) level = highest(level, repository.visibility === 'internal' ? 'pull' : 'none')
      for (const team of owner.teams) {
        if (team.members.has(user.login)) level = highest(level, team.permissions.get(repository.id) ?? 'none')
      }
    }
    return level
  }

  /** Whether an actor may make repositories for an owner, or change its teams. */
  administers(actor: Actor, owner: Account): boolean {
    if (actor.kind === 'installation') return actor.installation.account === owner && actor.installation.permissions['administration'] === 'write'
    if (actor.kind !== 'user') return false
    const { user } = actor
    return user.siteAdmin || owner === user || (owner.kind === 'organization' && owner.owners.has(user.login))
  }
}

/** The key of a repository in the maps. */
export const repositoryKey = (owner: string, name: string): string => `${owner}/${name}`.toLowerCase()

const highest = (a: Level, b: Level): Level => (atLeast(a, b) ? a : levels[levels.indexOf(b)]!)
