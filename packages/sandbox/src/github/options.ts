import type { LfsOptions } from '../lfs/options.ts'
import type { Seed } from '../seed.ts'
import type { Level } from './model.ts'

/** How the GitHub of the sandbox behaves. */
export interface GitHubOptions {
  /** 0, the default, for any free port. */
  readonly port?: number
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string
  /** Where the REST API lives: `/api/v3` as on an Enterprise Server (default), or '' as on api.github.com. */
  readonly apiPath?: string
  /** Largest pack of one push in bytes. Default no limit (GitHub: 2 GiB). */
  readonly packLimit?: number
  /** Largest file in bytes; looked for only when it is set, since that costs a process a push (GitHub: 100 MiB). */
  readonly fileLimit?: number
  /** Requests an hour and identity. Default 5000. */
  readonly primaryLimit?: number
  /** Length of that hour in seconds. Default 3600. */
  readonly primaryWindowSeconds?: number
  /** Secondary limits; default none. */
  readonly secondaryLimits?: {
    /** GET costs 1 point, everything else 5. */
    readonly pointsPerMinute?: number
    /** Requests that create something. */
    readonly contentPerMinute?: number
    readonly concurrent?: number
    /** What `Retry-After` says. Default: the rest of the minute. */
    readonly retryAfterSeconds?: number
  }
  /** Milliseconds after its creation during which git does not see a repository. Default 0. */
  readonly visibleAfterMs?: number
  /** Whether and how Git LFS is served. Default true. */
  readonly lfs?: boolean | LfsOptions
  /** Whether a push is refused (`GH008`) that names LFS objects which are not here. Default false, as it costs a walk over each push. */
  readonly checkLfs?: boolean
}

/** What a token may be used for. */
export interface NewToken {
  /** Login of the user. */
  readonly user: string
  /** Scopes of a classic token, such as `repo`, `admin:org`. */
  readonly scopes?: readonly string[]
  /** A fine-grained token: no scopes are told. */
  readonly fineGrained?: boolean
  /** What a fine-grained token may do, such as `{ contents: 'write', administration: 'write' }`. Default what the user may. */
  readonly permissions?: Readonly<Record<string, string>>
}

/** An organisation to create. */
export interface NewOrganization {
  readonly login: string
  /** Whether it belongs to an enterprise, whose repositories may be internal. */
  readonly enterprise?: boolean
  readonly description?: string
  /** Logins of its owners besides the administrator. */
  readonly owners?: readonly string[]
  readonly members?: readonly string[]
  /** What every member may do with every repository. Default `pull`. */
  readonly basePermission?: Level
  /** Whether members who own nothing may make repositories. Default true. */
  readonly membersCanCreateRepositories?: boolean
}

/** A repository to create without the API. */
export interface NewTargetRepository {
  readonly owner: string
  readonly name: string
  readonly visibility?: 'private' | 'internal' | 'public'
  readonly description?: string
  readonly archived?: boolean
  /** Default empty. */
  readonly seed?: Seed
  readonly defaultBranch?: string
  readonly objectFormat?: 'sha1' | 'sha256'
}

/** A team to create. */
export interface NewTeam {
  readonly org: string
  readonly name: string
  readonly description?: string
  readonly privacy?: 'closed' | 'secret'
  readonly members?: readonly string[]
}

/** A GitHub App to create. */
export interface NewApp {
  readonly slug?: string
  /** Where users are sent back to after they have agreed. */
  readonly callbackUrl?: string
  /** Life of user tokens in seconds; 0 for ever. Default 8 hours. */
  readonly userTokenTtlSeconds?: number
}

/** A created GitHub App. */
export interface AppHandle {
  readonly appId: number
  readonly slug: string
  /** PEM. */
  readonly privateKey: string
  readonly clientId: string
  readonly clientSecret: string
  /** Installs it for an owner. Returns the id of the installation. */
  install(owner: string, options?: { permissions?: Readonly<Record<string, string>>; tokenTtlSeconds?: number }): number
}

/** Which refs of a push are refused, and why. */
export interface RefRule {
  readonly owner?: string
  readonly name?: string
  /** Full name of the ref. */
  readonly ref: RegExp | string
  /** One of GitHub's numbered reasons, or a reason in words. */
  readonly reason: string
}
