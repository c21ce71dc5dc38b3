import type { Git } from '../git/git.ts'
import { bitbucketError } from './errors.ts'
import type { Page, PageRequest } from './pages.ts'

/** Where a list of commits begins and what it leaves out: names of refs or commits. */
export interface CommitRange {
  readonly until: string
  readonly since: string | undefined
}

/** A page of the commit log, read from git. Dates are milliseconds since the epoch. */
export async function readCommits(git: Git, path: string, { start, limit }: PageRequest, range: CommitRange): Promise<Page<object>> {
  const until = await resolveCommit(git, path, range.until)
  const since = range.since ? [`^${await resolveCommit(git, path, range.since)}`] : []
  const fields = ['%H', '%P', '%an', '%ae', '%at', '%cn', '%ce', '%ct', '%B'].join('%x00')
  const out = await git.run(path, [
    'log', '-z', '--no-show-signature', `--format=tformat:${fields}`, `--skip=${start}`, `--max-count=${limit + 1}`, until, ...since, '--',
  ])
  const values = out.split('\0')
  const commits: object[] = []
  for (let at = 0; at + 9 <= values.length; at += 9) commits.push(commitShape(values.slice(at, at + 9)))
  const isLastPage = commits.length <= limit
  const shown = commits.slice(0, limit)
  return { size: shown.length, limit, isLastPage, values: shown, start, nextPageStart: isLastPage ? null : start + limit }
}

async function resolveCommit(git: Git, path: string, name: string): Promise<string> {
  const found = await git.run(path, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]).catch(() => '')
  // Older versions of git print the marker itself.
  const oid = found.trim().split('\n').pop()
  if (oid) return oid
  throw bitbucketError(404, 'commit.NoSuchCommitException', `Commit '${name}' does not exist in the repository.`)
}

function commitShape(fields: readonly string[]): object {
  const [id = '', parents = '', an = '', ae = '', at = '', cn = '', ce = '', ct = '', body = ''] = fields
  return {
    id,
    displayId: id.slice(0, 11),
    author: { name: an, emailAddress: ae },
    authorTimestamp: Number(at) * 1000,
    committer: { name: cn, emailAddress: ce },
    committerTimestamp: Number(ct) * 1000,
    message: body.trimEnd(),
    parents: parents.split(' ').filter(Boolean).map((one) => ({ id: one, displayId: one.slice(0, 11) })),
  }
}
