import type { GitHubRepository } from '@saddle/core'
import type { z } from 'zod'
import type * as schema from '../schemas/github.ts'

/** A repository at the target, as lists show it. */
export function repositoryOf({ id, name, fullName, description, visibility, permissions }: GitHubRepository): z.output<typeof schema.repository> {
  return {
    id,
    name,
    full_name: fullName,
    description: description ?? null,
    private: visibility !== 'public',
    visibility,
    permissions: { admin: permissions?.admin ?? false, push: permissions?.push ?? false, pull: permissions?.pull ?? false },
  }
}

/** A repository at the target with everything that is known. */
export function repositoryDetailOf(repository: GitHubRepository): z.output<typeof schema.repositoryDetail> {
  const { archived, defaultBranch, htmlUrl, createdAt, topics, renamedFrom } = repository
  return {
    ...repositoryOf(repository),
    archived,
    default_branch: defaultBranch,
    html_url: htmlUrl,
    created_at: createdAt,
    topics: [...topics],
    renamed_from: renamedFrom ?? null,
  }
}
