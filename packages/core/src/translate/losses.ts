import type { Repository } from '@saddle/bitbucket-client'
import type { RefListing } from '@saddle/git-relay'
import type { Visibility } from '@saddle/github-client'
import type { Loss, LossKind } from '../ledger.ts'

/** What is known to stay behind from the repository's own fields. */
export function repositoryLosses({ origin, public: isPublic }: Repository, visibility: Visibility): Loss[] {
  const losses: Loss[] = []
  if (origin) {
    const subject = `${origin.projectKey}/${origin.slug}`
    losses.push({ kind: 'fork', subject, reason: 'It is a fork of this repository; at the target it is one of its own.' })
  }
  if (isPublic && visibility !== 'public') {
    const reason = `It can be read without logging in at the source and is ${visibility} at the target. If that is not wanted, ask for public visibility.`
    losses.push({ kind: 'visibility', subject: 'public access', reason })
  }
  return losses
}

/** Objects that are named one by one; what is beyond is counted. */
const mostNamed = 100

/**
 * Git LFS objects that the source does not have, by their path where that is known.
 *
 * @param damaged - it has them, and not as what their names say
 */
export function lfsLosses(objects: readonly { oid: string; size: number }[], paths: ReadonlyMap<string, string>, damaged = false): Loss[] {
  const what = damaged ? 'The source serves other bytes than the name of this Git LFS object says' : 'The source does not have this Git LFS object'
  const help = 'Upload it there with `git lfs push --object-id` from a clone that has it, then run again.'
  const named = objects.slice(0, mostNamed).map(({ oid, size }): Loss => {
    const path = paths.get(oid)
    const subject = path === undefined ? oid : `${path} (${oid})`
    return { kind: 'lfs-objects', subject, reason: `${what} of ${size} bytes; only its pointer is moved. ${help}` }
  })
  const more = objects.length - named.length
  if (more > 0) named.push({ kind: 'lfs-objects', subject: `further ${damaged ? 'damaged' : 'missing'} Git LFS objects`, count: more, reason: `${what}, and so for these. ${help}` })
  return named
}

/** What is lost where Git LFS cannot be read at all. */
export function lfsUnreadable(reason: string): Loss {
  return { kind: 'lfs-objects', subject: 'Git LFS', reason: `${reason} Pointer files arrive; the objects they point to do not.` }
}

/** What pull requests leave behind. */
export function pullRequestLosses(count: number): Loss[] {
  if (count === 0) return []
  const reason = 'Pull requests and their comments stay at the source; the commits of merged ones arrive with the branches.'
  return [{ kind: 'pull-requests', subject: 'pull requests', count, reason }]
}

/** The refs outside the namespaces that are moved, by namespace, as far as a listing shows them. */
export function namespaceLosses({ refs }: RefListing, namespaces: readonly string[]): Loss[] {
  const skipped = new Map<string, number>()
  for (const ref of refs.keys()) {
    // The server's own refs of pull requests go with those.
    if (ref.startsWith('refs/pull-requests/') || namespaces.some((namespace) => ref.startsWith(namespace))) continue
    const namespace = `${ref.split('/').slice(0, 2).join('/')}/`
    skipped.set(namespace, (skipped.get(namespace) ?? 0) + 1)
  }
  const reason = 'Refs of this namespace were not asked for. Name it among the namespaces to move them.'
  return [...skipped].map(([subject, count]) => ({ kind: 'ref-namespace', subject, count, reason }))
}

/**
 * Kinds of losses that only a first migration looks for, since looking costs requests. A later run of the same migration
 * repeats what the first one found.
 */
export const lookedForOnce: ReadonlySet<LossKind> = new Set(['ref-namespace', 'pull-requests'])
