import type { KeyObject } from 'node:crypto'

/** Who can see a repository. */
export type Visibility = 'private' | 'internal' | 'public'

/** Levels of access in rising order. */
export const levels = ['none', 'pull', 'triage', 'push', 'maintain', 'admin'] as const
/** One of {@link levels}. */
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
  readonly permissions: Readonly<Record<string, string>>
  readonly tokenTtlSeconds: number
}

/** Who sends a request. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'user'; readonly user: User; readonly scopes: readonly string[] | undefined }
  | { readonly kind: 'installation'; readonly installation: Installation }
  | { readonly kind: 'app'; readonly app: App }
