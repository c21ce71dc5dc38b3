import type { BitbucketClient, Repository } from '@saddle/bitbucket-client'
import { listSourceRefs } from '@saddle/git-relay'
import { toRepositoryName } from '@saddle/github-client'
import { SaddleError, throwIfAborted, type SerializedError } from '@saddle/transport'
import { usesLfs } from './git/lfs/in-use.ts'
import type { Loss } from './ledger.ts'
import { requestDefaults } from './request.ts'
import { namespaceLosses, pullRequestLosses, repositoryLosses } from './translate/losses.ts'
import { translateLabels } from './translate/topics.ts'

/** One repository of the source, and what would become of it. */
export interface InventoryRow {
  /** Project key. */
  project: string
  /** The slug, which a migration is asked for by. */
  repository: string
  /** The display name. */
  name: string
  description?: string
  archived: boolean
  public: boolean
  /** Whether it lives in a user's personal project. */
  personal: boolean
  /** `PROJECT/slug` of what it was forked from. */
  forkOf?: string
  /** Bytes at the source; absent when the server does not say. */
  size?: number
  /** Without `refs/heads/`; absent when there is none. */
  defaultBranch?: string
  branches: number
  tags: number
  /** When the newest commit of the default branch was made; ISO 8601, UTC. Absent for an empty repository. */
  lastCommit?: string
  /** Whether Git LFS is switched on; absent when the server does not say. */
  lfs?: boolean
  /** How many there ever were. */
  pullRequests: number
  /** The name it would get at the target. */
  proposedName: string
  /** `PROJECT/slug` of an earlier row that would get the same name. */
  nameTakenBy?: string
  /** What would not arrive. */
  losses: Loss[]
  /** Why it could not be looked at; what is above is what the server's list says then. */
  error?: SerializedError
}

/** Options of `MigrationEngine.inventory`. */
export interface InventoryOptions {
  /** Project keys; by default every repository that the credentials can see, personal ones included. */
  projects?: readonly string[] | undefined
  /** Repositories looked at at once; 8 by default. */
  concurrency?: number | undefined
  signal?: AbortSignal | undefined
}

/**
 * What is on the source, repository by repository in the server's order. A repository that cannot be read is a row with an
 * error; the list itself failing is an error.
 */
export async function* takeInventory(bitbucket: BitbucketClient, options: InventoryOptions = {}): AsyncGenerator<InventoryRow> {
  const { concurrency = 8, signal } = options
  const taken = new Map<string, string>()
  const rows: Promise<InventoryRow>[] = []
  for await (const repository of repositories(bitbucket, options)) {
    throwIfAborted(signal)
    const row = basicRow(repository)
    const place = `${row.project}/${row.repository}`
    const earlier = taken.get(row.proposedName.toLowerCase())
    if (earlier === undefined) taken.set(row.proposedName.toLowerCase(), place)
    else row.nameTakenBy = earlier
    const described = addDetails(row, repository, bitbucket, signal)
    // The row is awaited in its turn; until then its failure is nobody's.
    described.catch(() => undefined)
    rows.push(described)
    if (rows.length >= concurrency) yield await (rows.shift() as Promise<InventoryRow>)
  }
  for (const row of rows) yield await row
}

async function* repositories(bitbucket: BitbucketClient, { projects, signal }: InventoryOptions): AsyncGenerator<Repository> {
  if (!projects) yield* bitbucket.allRepositories({ signal })
  else for (const project of projects) yield* bitbucket.repositories(project, { signal })
}

function basicRow(repository: Repository): InventoryRow {
  const { projectKey, slug, name, description, archived, personal, origin, size } = repository
  return {
    project: projectKey,
    repository: slug,
    name,
    ...(description === undefined ? {} : { description }),
    archived,
    public: repository.public,
    personal,
    ...(origin ? { forkOf: `${origin.projectKey}/${origin.slug}` } : {}),
    ...(size === undefined ? {} : { size }),
    branches: 0,
    tags: 0,
    pullRequests: 0,
    proposedName: toRepositoryName(slug),
    losses: repositoryLosses(repository, requestDefaults.visibility),
  }
}

async function addDetails(row: InventoryRow, repository: Repository, bitbucket: BitbucketClient, signal?: AbortSignal): Promise<InventoryRow> {
  const { projectKey, slug } = repository
  try {
    // One listing tells branches, tags and the default branch, and which refs would stay behind.
    const [listing, lastCommit, size, lfs, labels, pullRequests] = await Promise.all([
      listSourceRefs(bitbucket.gitRemote(repository), { signal }),
      bitbucket.lastCommit(projectKey, slug, { signal }),
      row.size ?? bitbucket.size(projectKey, slug, { signal }).then((sizes) => sizes?.repository),
      usesLfs(repository, bitbucket, signal),
      bitbucket.labels(projectKey, slug, { signal }),
      bitbucket.pullRequestCount(projectKey, slug, { signal }),
    ])
    const refs = [...listing.refs.keys()]
    const { head } = listing
    return {
      ...row,
      ...(size === undefined ? {} : { size }),
      ...(head !== undefined && listing.refs.has(head) ? { defaultBranch: head.replace(/^refs\/heads\//, '') } : {}),
      branches: refs.filter((ref) => ref.startsWith('refs/heads/')).length,
      tags: refs.filter((ref) => ref.startsWith('refs/tags/')).length,
      ...(lastCommit ? { lastCommit: lastCommit.date.toISOString() } : {}),
      ...(lfs === undefined ? {} : { lfs }),
      pullRequests,
      losses: [
        ...row.losses,
        ...namespaceLosses(listing, requestDefaults.namespaces),
        ...pullRequestLosses(pullRequests),
        ...translateLabels(labels).losses,
      ],
    }
  } catch (thrown) {
    const error = SaddleError.from(thrown)
    if (error.code === 'ABORTED') throw error
    return { ...row, error: error.toJSON() }
  }
}
