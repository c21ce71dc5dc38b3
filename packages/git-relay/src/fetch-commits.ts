import type { GitRemote } from '@saddle/transport'
import { fetchFiltered, type FetchOptions } from './fetch-pack.ts'
import { readPack, type ReadPackOptions } from './pack-reader.ts'
import type { ObjectFormat } from './refs.ts'

/** Commits by object id, each with its parents. */
export type CommitParents = ReadonlyMap<string, readonly string[]>

/** Options of {@link fetchCommits}. */
export interface FetchCommitsOptions extends Pick<ReadPackOptions, 'memoryLimit'>, Pick<FetchOptions, 'signal' | 'onActivity'> {
  objectFormat: ObjectFormat
  /** Commits, and tags of commits. */
  wants: readonly string[]
  /** Commits that are known, with all that they lead to; those that the source does not know do no harm. */
  haves?: readonly string[]
}

/**
 * Fetches the commits that `wants` lead to and `haves` do not, and nothing else of them (`filter tree:0`): some 150 bytes
 * a commit on the wire; what is kept are their names and those of their parents. For sources of which `canFilter` holds.
 *
 * @throws SaddleError `CONFLICT` when the source does not give out what is wanted; what `readPack` throws; `NETWORK` …
 */
export async function fetchCommits(source: GitRemote, options: FetchCommitsOptions): Promise<CommitParents> {
  const { objectFormat, wants, haves = [], memoryLimit, ...fetching } = options
  const commits = new Map<string, readonly string[]>()
  if (wants.length === 0) return commits
  const pack = fetchFiltered(source, { objectFormat, wants, haves, filter: 'tree:0' }, fetching)
  for await (const { type, oid, data } of readPack(pack, { objectFormat, ...(memoryLimit === undefined ? {} : { memoryLimit }) })) {
    if (type === 'commit') commits.set(oid, parentsOf(data))
  }
  return commits
}

/** The `parent` lines, behind the `tree` line (gitdatamodel: `tree SP oid LF *(parent SP oid LF) author …`). */
function parentsOf(commit: Buffer): string[] {
  const parents: string[] = []
  for (let at = commit.indexOf('\n') + 1; commit.toString('latin1', at, at + 7) === 'parent '; ) {
    const end = commit.indexOf('\n', at)
    parents.push(commit.toString('latin1', at + 7, end))
    at = end + 1
  }
  return parents
}
