import { toRepositoryName } from '@saddle/github-client'

/**
 * The name at the target for a slug at the source. Two slugs can become one name, and names at the target do not differ by
 * case.
 */
export const repositoryName = (slug: string): string => toRepositoryName(slug)
