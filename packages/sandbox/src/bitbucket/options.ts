import type { LfsOptions } from '../lfs/options.ts'
import type { Seed } from '../seed.ts'
import type { Permission } from './model.ts'

/** How the Bitbucket Data Center of the sandbox behaves. */
export interface BitbucketOptions {
  /** 0, the default, for any free port. */
  readonly port?: number
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string
  /** Where the server lives below its host, such as `/bitbucket`. Default none. */
  readonly contextPath?: string
  /** Git protocol spoken: 2 (default), or 0 as before version 5.13, where only advertised objects can be fetched. */
  readonly protocol?: 0 | 2
  /** The most values a page holds, whatever `limit` says. Default 1000. */
  readonly pageCap?: number
  /** Version told. Before 8 there is no archiving. Default 9.4.0. */
  readonly version?: string
  /** Requests of each user, REST and git alike: a bucket of `capacity`, refilled at `fillRate` a second. Default no limit. */
  readonly rateLimit?: {
    readonly capacity: number
    readonly fillRate: number
    /** Whether the answers carry `Retry-After` and `X-RateLimit-*`. Default true. */
    readonly headers?: boolean
  }
  /** Failed logins of a name after which a captcha is demanded. Default never. */
  readonly captchaAfter?: number
  /** Whether and how Git LFS is served. Default true. */
  readonly lfs?: boolean | LfsOptions
}

/** A user to create. */
export interface NewUser {
  readonly name: string
  readonly password: string
  readonly displayName?: string
  readonly emailAddress?: string
  /** Administrator of the whole server. */
  readonly admin?: boolean
}

/** A project to create. Personal ones have the key `~name` and belong to that user. */
export interface NewProject {
  readonly key: string
  readonly name?: string
  readonly description?: string
  readonly public?: boolean
  /** Name of the user whose personal project it is. Implied by a key `~name`. */
  readonly personal?: string
}

/** A repository to create. */
export interface NewRepository {
  /** Key of the project, which is created if there is none. */
  readonly project: string
  readonly slug: string
  /** Default: the slug. */
  readonly name?: string
  readonly description?: string
  readonly archived?: boolean
  readonly public?: boolean
  readonly labels?: readonly string[]
  /** Whether Git LFS is switched on. Default, as on a real server, false, unless the seed brings objects. */
  readonly lfs?: boolean
  /** Default `main`. */
  readonly defaultBranch?: string
  /** The repository it is a fork of. Without a seed it gets what that one holds. */
  readonly forkOf?: { readonly project: string; readonly slug: string }
  /** Default three commits. */
  readonly seed?: Seed
  /** `sha256` makes a repository that GitHub cannot hold. Default `sha1`. */
  readonly objectFormat?: 'sha1' | 'sha256'
}

/** Where a created repository is. */
export interface RepositoryHandle {
  readonly project: string
  readonly slug: string
  /** Folder of the bare repository. */
  readonly path: string
  /** Address for git, without a user name. */
  readonly cloneUrl: string
}

/** A pull request to create between two branches of one repository. */
export interface NewPullRequest {
  readonly project: string
  readonly slug: string
  readonly title: string
  /** Branch name, not a full ref. */
  readonly from: string
  readonly to: string
  readonly description?: string
  readonly state?: 'OPEN' | 'MERGED' | 'DECLINED'
  /** User name. Default the administrator. */
  readonly author?: string
  /** Activities as the REST API shows them, newest first. */
  readonly activities?: readonly object[]
}

/** Whose rights to set. `permission` undefined takes them away. */
export interface PermissionChange {
  readonly project: string
  /** Slug of a repository; without it the right is on the project. */
  readonly repository?: string
  /** A user, a group, or with neither every licensed user (projects only). */
  readonly user?: string
  readonly group?: string
  readonly permission: Permission | undefined
}

/** What a token stands for: a user, a project, or one repository. */
export type TokenSubject =
  | { readonly user: string }
  | { readonly project: string }
  | { readonly project: string; readonly repository: string }
