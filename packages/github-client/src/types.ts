import type { Budget, CallOptions, ClientOptions } from '@saddle/transport'

/** How a client proves who it is: a token of any kind, or a GitHub App that makes its own tokens. */
export type GitHubAuth =
  | {
      /**
       * A personal access token (classic or fine-grained), an OAuth token, or a token of an App's user or installation. A
       * function is asked before each request, for a token that somebody else keeps fresh.
       */
      token: string | TokenSource
    }
  | {
      appId: number | string
      /** The App's private key as PEM text; `\n` written as two characters is understood. */
      privateKey: string
      /** Without it, the installation is found from the owner of the repository at hand. */
      installationId?: number | undefined
    }

/** Gives a token that is valid now. What it throws is thrown to whoever made the request. */
export type TokenSource = (options: CallOptions) => Promise<string>

/** Options of {@link GitHubClient}. */
export interface GitHubClientOptions extends ClientOptions {
  /**
   * Base of the REST API. Default `https://api.github.com`; a GitHub Enterprise Server has `https://host/api/v3`,
   * GitHub Enterprise Cloud with data residency `https://api.SUBDOMAIN.ghe.com`.
   */
  baseUrl?: string | URL | undefined
  auth: GitHubAuth
  /** Base of web and git addresses; by default what `webUrlOf` makes of `baseUrl`. */
  gitUrl?: string | URL | undefined
  /** Shared with everything else that uses the REST API as the same user; by default `gitHubBudget`. */
  budget?: Budget | undefined
}

/** Who can see a repository. `internal`: the members of an enterprise; only its organisations can have such. */
export type Visibility = 'private' | 'internal' | 'public'

/** What the caller may do with a repository. */
export interface RepositoryPermissions {
  readonly pull: boolean
  readonly triage: boolean
  readonly push: boolean
  readonly maintain: boolean
  readonly admin: boolean
}

/** A repository at GitHub. */
export interface TargetRepository {
  readonly id: number
  readonly owner: string
  readonly name: string
  /** `owner/name`. */
  readonly fullName: string
  readonly description: string | undefined
  readonly homepage: string | undefined
  readonly visibility: Visibility
  readonly archived: boolean
  /** Without `refs/heads/`. An empty repository has one too, that no commit is on. */
  readonly defaultBranch: string
  readonly topics: readonly string[]
  /** Those of the user. A token can hold less, and for an App's installation GitHub says no to each of them. */
  readonly permissions: RepositoryPermissions | undefined
  /** Kilobytes on disk as GitHub last counted them: hours late, and 0 at first. */
  readonly size: number
  readonly htmlUrl: string
  /** ISO 8601. */
  readonly createdAt: string
  /** `owner/name` that was asked for, when the repository has another one by now and GitHub redirects. */
  readonly renamedFrom?: string
}

/** A repository to make. */
export interface NewRepository {
  /** Login of an organisation, or of the user that the token belongs to. */
  owner: string
  /** As {@link toRepositoryName} would leave it. */
  name: string
  description?: string | undefined
  visibility: Visibility
  homepage?: string | undefined
}

/** Changes to a repository; what is left out stays. */
export interface RepositoryUpdate {
  description?: string | undefined
  /** Name of an existing branch, without `refs/heads/`. */
  defaultBranch?: string | undefined
  /** Archiving comes last, unarchiving first, since an archived repository takes no other change. */
  archived?: boolean | undefined
  /** All the topics; others are removed. As {@link toTopic} makes them, at most 20. */
  topics?: readonly string[] | undefined
  visibility?: Visibility | undefined
  homepage?: string | undefined
  name?: string | undefined
}

/** Where a token comes from, as its prefix tells; `app` for a client that makes its own. */
export type TokenKind = 'classic' | 'fine-grained' | 'oauth' | 'app-user' | 'app-installation' | 'app' | 'unknown'

/** Whose credentials these are. */
export interface Viewer {
  /** A user's login, or `slug[bot]` of an App. */
  readonly login: string
  readonly type: 'User' | 'Organization' | 'Bot' | 'App' | (string & {})
  /** What a classic or OAuth token may do; other kinds do not say. */
  readonly scopes?: readonly string[]
}

/** What the credentials can and cannot do, each thing said separately. */
export interface AccessReport {
  readonly token: {
    readonly valid: boolean
    readonly kind: TokenKind
    readonly login?: string
    readonly scopes?: readonly string[]
  }
  readonly owner: {
    /** False also where the credentials may not see it. */
    readonly exists: boolean
    readonly kind?: 'organization' | 'user'
    /** Undefined when GitHub does not say before it is tried, as with fine-grained tokens. */
    readonly canCreate: boolean | undefined
  }
  /** Only when a name was given. */
  readonly repository?: {
    /** False also where the credentials may not see it. */
    readonly exists: boolean
    readonly canRead: boolean
    readonly canPush: boolean
    readonly canAdmin: boolean
    readonly archived: boolean
  }
  /** Sentences: what is missing and how to get it. Empty when nothing is. */
  readonly missing: readonly string[]
}

/** How much of the primary rate limit is left. */
export interface RateLimit {
  /** Requests an hour. */
  readonly limit: number
  readonly remaining: number
  /** ISO 8601; when `remaining` is `limit` again. */
  readonly resetAt: string
}

/** An organisation that the credentials can see. */
export interface Organization {
  readonly id: number
  readonly login: string
  readonly description: string | undefined
}

/** GitHub's names of permissions, in rising order. */
export type TeamPermission = 'pull' | 'triage' | 'push' | 'maintain' | 'admin'

/** A team of an organisation. */
export interface Team {
  readonly id: number
  readonly slug: string
  readonly name: string
  readonly description: string | undefined
  /** `secret` teams are seen by their members and the organisation's owners only. */
  readonly privacy: string | undefined
  /** On the repository that was asked about, a {@link TeamPermission} or the name of a custom role; else the team's default. */
  readonly permission: string
  readonly parentSlug: string | undefined
}

/** Names a team: by its slug, or by its id (one more request, once for each organisation). */
export type TeamReference = { teamSlug: string; teamId?: undefined } | { teamId: number; teamSlug?: undefined }

/** A team and one of its organisation's repositories. */
export type TeamRepository = TeamReference & {
  org: string
  /** The repository's owner; by default the organisation. */
  owner?: string | undefined
  repo: string
}
