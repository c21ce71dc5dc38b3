import { join } from 'node:path'
import type { Sandbox } from '@saddle/sandbox'
import { git, refsOf, type GitOptions } from './git.ts'
import { owner, project } from './plant.ts'

/** What an ordinary clone of the target showed. */
export interface Proof {
  slug: string
  /** Whether every ref is equal to the source's, hash for hash. */
  equal: boolean
  refs: number
}

/**
 * Looks at the target as anybody would: an ordinary clone, `git fsck` on all of it, and its refs beside those of the
 * source's own repository. Saddle takes no part in it.
 *
 * @throws Error when the clone or the check fails
 */
export async function prove({ bitbucket, github }: Sandbox, slug: string, options: GitOptions): Promise<Proof> {
  const header = `Authorization: Basic ${Buffer.from(`x-access-token:${github.token}`).toString('base64')}`
  const clone = join(options.cwd, `${slug}.git`)
  const url = `${github.webUrl}/${owner}/${slug}.git`
  await git(['clone', '--quiet', '--mirror', '--', url, clone], { ...options, authorize: { url: github.webUrl, header } })
  await git(['fsck', '--full', '--no-progress', '--no-dangling'], { ...options, cwd: clone })
  const source = await refsOf({ ...options, cwd: bitbucket.repositoryPath(project, slug) })
  const target = await refsOf({ ...options, cwd: clone })
  return { slug, equal: source === target, refs: source.split('\n').filter(Boolean).length }
}
