import { SaddleError, type MigrationRequest } from '@saddle/core'
import type { MigrateOptions } from './options.ts'

/** What people copy from the address bar or the clone button, and what is meant by it. */
const copied: readonly [pattern: RegExp, meant: (...parts: string[]) => string][] = [
  [/^https?:\/\/.*\/projects\/([^/]+)\/repos\/([^/?#]+)/, (project, slug) => `${project}/${slug}`],
  [/^https?:\/\/.*\/users\/([^/]+)\/repos\/([^/?#]+)/, (user, slug) => `~${user}/${slug}`],
  [/^(?:https?:\/\/.*\/scm|ssh:\/\/[^/]+)\/([^/]+)\/([^/?#]+?)(?:\.git)?$/, (project, slug) => `${project}/${slug}`],
  [/^https?:\/\/[^/]+\/(?:orgs\/)?([^/?#]+)\/?$/, (owner) => owner],
  [/^(?:https?:\/\/[^/]+\/|git@[^:]+:)([^/]+)\/([^/?#]+?)(?:\.git)?$/, (owner, name) => `${owner}/${name}`],
]

/** `Write …` for an address, when it is one of those. */
function advice(text: string): string | undefined {
  for (const [pattern, meant] of copied) {
    const found = pattern.exec(text)
    if (found) return `Write ${meant(...found.slice(1))}.`
  }
  return undefined
}

/**
 * The request that a command line spells.
 *
 * @throws SaddleError `INVALID_INPUT` for a source or target that is not written as it should be
 */
export function requestOf(source: string, options: MigrateOptions): MigrationRequest {
  const { to, visibility, existing, description, force, prune, namespace, settings, git } = options
  const [project, repository, more] = source.split('/')
  if (!project || !repository || more !== undefined) {
    throw new SaddleError('INVALID_INPUT', `"${source}" does not name a repository. ${advice(source) ?? 'Write PROJECT/slug, as in its web address; a personal one is ~user/slug.'}`)
  }
  const [owner, name, rest] = to.split('/')
  if (!owner || rest !== undefined || name === '') {
    throw new SaddleError('INVALID_INPUT', `--to ${JSON.stringify(to)} names no target. ${advice(to) ?? 'Write an owner, or owner/name.'}`)
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
