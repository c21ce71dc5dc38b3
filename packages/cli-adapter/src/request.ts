import { SaddleError, type MigrationRequest } from '@saddle/core'
import type { MigrateOptions } from './options.ts'

/**
 * The request that a command line spells.
 *
 * @throws SaddleError `INVALID_INPUT` for a source or target that is not written as it should be
 */
export function requestOf(source: string, options: MigrateOptions): MigrationRequest {
  const { to, visibility, existing, description, force, prune, namespace, settings, git } = options
  const [project, repository, more] = source.split('/')
  if (!project || !repository || more !== undefined) {
    throw new SaddleError('INVALID_INPUT', `"${source}" does not name a repository. Write PROJECT/slug, as in its web address; a personal one is ~user/slug.`)
  }
  const [owner, name, rest] = to.split('/')
  if (!owner || rest !== undefined || name === '') {
    throw new SaddleError('INVALID_INPUT', `--to ${to} names no target. Write an owner, or owner/name.`)
  }
  return {
    source: { project, repository },
    target: {
      owner,
      ...(name === undefined ? {} : { name }),
      ...(visibility ? { visibility } : {}),
      ...(existing ? { existing } : {}),
      ...(description === undefined ? {} : { description }),
    },
    options: {
      settings,
      ...(force ? { force } : {}),
      ...(prune ? { prune } : {}),
      ...(namespace ? { namespaces: namespace } : {}),
      ...(git ? { git } : {}),
    },
  }
}
