/** A user of the server. */
export interface User {
  readonly id: number
  /** Login name, compared without regard to case. */
  readonly name: string
  readonly slug: string
  readonly password: string
  readonly displayName: string
  readonly emailAddress: string
  readonly admin: boolean
  active: boolean
}

/** A right on a project or a repository. */
export type Permission =
  | 'PROJECT_READ'
  | 'PROJECT_WRITE'
  | 'PROJECT_ADMIN'
  | 'REPO_READ'
  | 'REPO_WRITE'
  | 'REPO_ADMIN'

/** Read, write and administer, whatever the level is named after. */
export type Level = 0 | 1 | 2 | 3

/** Rights granted, by user name or group name. */
export interface Grants {
  readonly users: Map<string, Permission>
  readonly groups: Map<string, Permission>
}

/** A project, or a user's personal one. */
export interface Project {
  readonly id: number
  /** Upper case; `~name` for a personal project. */
  readonly key: string
  name: string
  description: string | undefined
  public: boolean
  readonly owner: User | undefined
  readonly grants: Grants
  /** What every licensed user may do. */
  defaultPermission: Permission | undefined
  readonly data: Map<string, unknown>
}

/** A repository. Its slug need not be like its name. */
export interface Repository {
  readonly id: number
  readonly slug: string
  readonly name: string
  readonly project: Project
  /** The bare repository's folder. */
  readonly path: string
  description: string | undefined
  archived: boolean
  public: boolean
  labels: string[]
  /** Whether Git LFS is switched on. */
  lfs: boolean
  readonly origin: Repository | undefined
  readonly grants: Grants
  /** In-memory answers of endpoints that nothing else keeps, by kind. */
  readonly data: Map<string, unknown>
  readonly pullRequests: PullRequest[]
}

/** A pull request, within one repository. */
export interface PullRequest {
  readonly id: number
  readonly title: string
  readonly description: string | undefined
  readonly state: 'OPEN' | 'MERGED' | 'DECLINED'
  readonly fromRef: { readonly id: string; readonly latestCommit: string }
  readonly toRef: { readonly id: string; readonly latestCommit: string }
  readonly author: User
  readonly createdDate: number
  readonly updatedDate: number
  readonly closedDate: number | undefined
  readonly activities: readonly object[]
}

/** An HTTP access token. A user's works as a password too; a project's or repository's as bearer only. */
export type AccessToken =
  | { readonly kind: 'user'; readonly user: User; readonly level: Level }
  | { readonly kind: 'project'; readonly project: Project; readonly level: Level }
  | { readonly kind: 'repository'; readonly repository: Repository; readonly level: Level }

/** Who asks. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'password'; readonly user: User }
  | { readonly kind: 'token'; readonly token: AccessToken }

const levels: Record<Permission, Level> = {
  PROJECT_READ: 1,
  REPO_READ: 1,
  PROJECT_WRITE: 2,
  REPO_WRITE: 2,
  PROJECT_ADMIN: 3,
  REPO_ADMIN: 3,
}

/** How far a right reaches. */
export const levelOf = (permission: Permission | undefined): Level => (permission ? levels[permission] : 0)
