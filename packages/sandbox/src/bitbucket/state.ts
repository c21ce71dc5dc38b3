import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { AccessToken, Grants, Project, Repository, User } from './model.ts'

/** Everything the server knows, in memory. */
export class BitbucketState {
  readonly users = new Map<string, User>()
  /** Members, by group name. */
  readonly groups = new Map<string, Set<string>>()
  readonly projects = new Map<string, Project>()
  /** By `key/slug`, lower case, in the order of creation. */
  readonly repositories = new Map<string, Repository>()
  readonly tokens = new Map<string, AccessToken>()
  readonly #folder: string
  #lastId = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  nextId(): number {
    return ++this.#lastId
  }

  user(name: string): User | undefined {
    return this.users.get(name.toLowerCase())
  }

  /** Keys are compared without regard to case. */
  project(key: string): Project | undefined {
    return this.projects.get(key.toUpperCase())
  }

  repository(key: string, slug: string): Repository | undefined {
    return this.repositories.get(repositoryKey(key, slug))
  }

  repositoriesOf(project: Project): Repository[] {
    return [...this.repositories.values()].filter((one) => one.project === project)
  }

  /** The folder for a repository's bare repository. The id comes first, so that no name can lead out of it. */
  pathFor(id: number, slug: string): string {
    return join(this.#folder, `${id}-${slug.replace(/[^a-z0-9_-]/gi, '_').slice(0, 60)}.git`)
  }

  addToken(token: AccessToken): string {
    const text = `BBDC-${randomBytes(33).toString('base64url').replace(/[-_]/g, 'x')}`
    this.tokens.set(text, token)
    return text
  }
}

/** How a repository is found. */
export const repositoryKey = (key: string, slug: string) => `${key.toLowerCase()}/${slug.toLowerCase()}`

/** Nothing granted to anybody. */
export const noGrants = (): Grants => ({ users: new Map(), groups: new Map() })
