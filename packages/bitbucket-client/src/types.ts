/** What the server says about itself. */
export interface ApplicationProperties {
  /** For example `9.4.1`. */
  readonly version: string
  readonly buildNumber: string
  /** The product's name, usually `Bitbucket`. */
  readonly displayName: string
}

/** A project, or the personal project of a user. */
export interface Project {
  /** As the server writes it (upper case); `~USER` for a personal project. */
  readonly key: string
  readonly name: string
  readonly description: string | undefined
  readonly public: boolean
  readonly personal: boolean
}

/** Where a repository is: the two parts of its address. */
export interface RepositoryId {
  readonly projectKey: string
  /** The last part of the repository's web address. Not the display name. */
  readonly slug: string
}

/** A repository. */
export interface Repository extends RepositoryId {
  /** The display name, which the slug was once made from. */
  readonly name: string
  readonly description: string | undefined
  /** Read-only since it was archived (servers from 8.0); older servers never say so. */
  readonly archived: boolean
  /** Whether it can be read without logging in. */
  readonly public: boolean
  readonly forkable: boolean
  /** What it was forked from, when it is a fork and the credentials can see the original. */
  readonly origin: RepositoryId | undefined
  /** Bytes on the server's disk, on the few versions that say so here; see {@link BitbucketClient.size} otherwise. */
  readonly size: number | undefined
  /** The server's own HTTP clone link without the user name in it. {@link BitbucketClient.gitRemote} checks it. */
  readonly cloneUrl: string | undefined
  /** Whether it lives in a user's personal project. */
  readonly personal: boolean
  /** `AVAILABLE`, or why git cannot reach it: `INITIALISING`, `INITIALISATION_FAILED`, `OFFLINE`. */
  readonly state: string
}

/** A branch. */
export interface Branch {
  /** Full name, `refs/heads/…`. */
  readonly ref: string
  /** Name without `refs/heads/`. */
  readonly name: string
  /** Hash of its tip. */
  readonly commit: string
  readonly isDefault: boolean
}

/** A tag. */
export interface Tag {
  /** Full name, `refs/tags/…`. */
  readonly ref: string
  /** Name without `refs/tags/`. */
  readonly name: string
  /** Hash of the commit that it leads to. */
  readonly commit: string
  /** Hash of the tag object; undefined for a lightweight tag. */
  readonly object: string | undefined
}

/** The newest commit of the default branch. */
export interface LastCommit {
  readonly id: string
  /** When it was committed (not authored). */
  readonly date: Date
}

/** Disk space of a repository in bytes. */
export interface RepositorySize {
  readonly repository: number
  /** Attachments and Git LFS objects. */
  readonly attachments: number
}

/** How the client proves who it is. */
export type BitbucketAuth =
  /** An HTTP access token of a user, a project or a repository, sent as a bearer. */
  | { readonly token: string }
  /** A user's name and password; a user's token is accepted in place of the password. */
  | { readonly username: string; readonly password: string }
