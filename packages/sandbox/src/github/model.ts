import type { KeyObject } from 'node:crypto'

/** Who can see a repository. */
export type Visibility = 'private' | 'internal' | 'public'

/** Levels of access in rising order. */
export const levels = ['none', 'pull', 'triage', 'push', 'maintain', 'admin'] as const
/** One of the levels. */
export type Level = (typeof levels)[number]
/** Whether one level includes another. */
export const atLeast = (level: Level, wanted: Level): boolean => levels.indexOf(level) >= levels.indexOf(wanted)

/** A user. */
export interface User {
  readonly kind: 'user'
  readonly id: number
  readonly login: string
  /** Sees and may do everything. */
  readonly siteAdmin: boolean
}

/** An organisation. */
export interface Organization {
  readonly kind: 'organization'
  readonly id: number
  readonly login: string
  readonly description: string | null
  readonly enterprise: boolean
  readonly owners: Set<string>
  readonly members: Set<string>
  readonly teams: Team[]
  /** What every member may do with every repository. */
  readonly basePermission: Level
  readonly membersCanCreateRepositories: boolean
}

/** A user or an organisation. */
export type Account = User | Organization

/** A team. */
export interface Team {
  readonly id: number
  readonly slug: string
  readonly name: string
  readonly description: string | null
  readonly privacy: 'closed' | 'secret'
  readonly members: Set<string>
  /** By id of the repository. */
  readonly permissions: Map<number, Level>
}

/** A repository. */
export interface Repository {
  readonly id: number
  owner: Account
  name: string
  readonly path: string
  description: string | null
  homepage: string | null
  visibility: Visibility
  archived: boolean
  topics: string[]
  /** HEAD's branch. */
  defaultBranch: string
  readonly createdAt: number
  updatedAt: number
  pushedAt: number
  /** Bytes. */
  size: number
  readonly collaborators: Map<string, Level>
  /** Switches of the settings that are stored and told, such as `allow_squash_merge`. */
  readonly settings: Record<string, unknown>
}

/** A GitHub App. */
export interface App {
  readonly id: number
  readonly slug: string
  readonly publicKey: KeyObject
  readonly clientId: string
  readonly clientSecret: string
  readonly callbackUrl: string | undefined
  readonly userTokenTtlSeconds: number
}

/** A GitHub App on an account. */
export interface Installation {
  readonly id: number
  readonly app: App
  readonly account: Account
  readonly permissions: Permissions
  readonly tokenTtlSeconds: number
}

/** What an App or a fine-grained token may do: `read` or `write` by `contents`, `administration`, `members` and so on. */
export type Permissions = Readonly<Record<string, string>>

/** Who sends a request. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'user'
      readonly user: User
      /** Of a classic token. */
      readonly scopes: readonly string[] | undefined
      /** Of a fine-grained token; undefined for all that the user may do. */
      readonly permissions?: Permissions | undefined
    }
  | {
      readonly kind: 'installation'
      readonly installation: Installation
      /** The installation's, or the part of them that the token was made for. */
      readonly permissions: Permissions
      /** Ids of the only repositories it was made for. */
      readonly repositories: ReadonlySet<number> | undefined
    }
  | { readonly kind: 'app'; readonly app: App }
