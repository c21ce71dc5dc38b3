import type { BitbucketClient, Repository } from '@saddle/bitbucket-client'
import { repositoryName } from './translate/names.ts'

/** One repository of the source. */
export interface InventoryRow {
  project: string
  repository: string
  name: string
  /** Bytes; absent when the server does not say. */
  size?: number
  /** Without `refs/heads/`; absent when there is none. */
  defaultBranch?: string
  branches: number
  tags: number
  /** ISO 8601, UTC; absent for an empty repository. */
  lastCommit?: string
  /** Whether Git LFS is switched on; absent when the server does not say. */
  lfs?: boolean
  archived: boolean
  /** `PROJECT/slug` of what it was forked from. */
  forkOf?: string
  pullRequests: number
  /** The name it would get at GitHub. */
  proposedName: string
  /** What would not arrive, in words. */
  losses: string[]
}

/** Which repositories to list. */
export interface InventoryOptions {
  /** Project keys; every repository that the credentials can see by default. */
  projects?: readonly string[]
  /** Repositories looked at at once. Default 8. */
  concurrency?: number
  signal?: AbortSignal | undefined
}

/** Lists what there is, looking ahead by a few repositories. */
export async function* inventory(bitbucket: BitbucketClient, options: InventoryOptions = {}): AsyncGenerator<InventoryRow> {
  const { concurrency = 8 } = options
  const pending: Promise<InventoryRow>[] = []
  for await (const repository of repositories(bitbucket, options)) {
    const row = describe(bitbucket, repository, options)
    // Taken note of at once, so that a failure that is read later is not taken for one that nobody handles.
    row.catch(() => undefined)
    pending.push(row)
    if (pending.length >= concurrency) yield await pending.shift()!
  }
  for (const row of pending) yield await row
}

async function* repositories(bitbucket: BitbucketClient, { projects, signal }: InventoryOptions): AsyncGenerator<Repository> {
  if (!projects || projects.length === 0) yield* bitbucket.allRepositories({ signal })
  else for (const project of projects) yield* bitbucket.repositories(project, { signal })
}

async function describe(bitbucket: BitbucketClient, repository: Repository, { signal }: InventoryOptions): Promise<InventoryRow> {
  const { projectKey, slug, name, archived, origin } = repository
  const call = { signal }
  const [defaultBranch, branches, tags, lastCommit, size, lfs, pullRequests] = await Promise.all([
    bitbucket.defaultBranch(projectKey, slug, call),
    bitbucket.branchCount(projectKey, slug, call),
    bitbucket.tagCount(projectKey, slug, call),
    bitbucket.lastCommit(projectKey, slug, call),
    bitbucket.size(projectKey, slug, call),
    bitbucket.lfsEnabled(projectKey, slug, call),
    bitbucket.pullRequestCount(projectKey, slug, call),
  ])
  const bytes = size?.repository ?? repository.size
  return {
    project: projectKey, repository: slug, name, branches, tags, archived, pullRequests,
    proposedName: repositoryName(slug),
    losses: [
      ...(pullRequests > 0 ? [`${pullRequests} pull request${pullRequests === 1 ? '' : 's'}`] : []),
      ...(lfs ? ['Git LFS objects'] : []),
      ...(origin ? ['the link to the fork\'s origin'] : []),
      ...(repository.public ? ['public access'] : []),
    ],
    ...(bytes === undefined ? {} : { size: bytes }),
    ...(defaultBranch === undefined ? {} : { defaultBranch: defaultBranch.replace(/^refs\/heads\//, '') }),
    ...(lastCommit ? { lastCommit: lastCommit.date.toISOString() } : {}),
    ...(lfs === undefined ? {} : { lfs }),
    ...(origin ? { forkOf: `${origin.projectKey}/${origin.slug}` } : {}),
  }
}
