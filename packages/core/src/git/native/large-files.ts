import type { NativeRepository } from './repository.ts'

/** A file over the limit, somewhere in the history. */
export interface LargeFile {
  path: string
  /** Bytes. */
  size: number
  oid: string
  /** The oldest commit that has it under that path. */
  commit?: string
}

/** Finds files that the target would refuse, by the sizes of all objects; names and commits are looked up only then. */
export async function findLargeFiles(repository: NativeRepository, limitBytes: number, signal?: AbortSignal): Promise<LargeFile[]> {
  const large = new Map<string, number>()
  for await (const lines of repository.lines(['cat-file', '--batch-all-objects', '--unordered', '--batch-check=%(objecttype) %(objectname) %(objectsize)'], { signal })) {
    for (const line of lines) {
      const [type, oid = '', size] = line.split(' ')
      if (type === 'blob' && Number(size) > limitBytes) large.set(oid, Number(size))
    }
  }
  if (large.size === 0) return []
  const paths = new Map<string, string>()
  for await (const lines of repository.lines(['rev-list', '--objects', '--all'], { signal })) {
    for (const line of lines) {
      const oid = line.slice(0, line.indexOf(' '))
      if (large.has(oid)) paths.set(oid, line.slice(oid.length + 1))
    }
  }
  const files: LargeFile[] = []
  for (const [oid, size] of large) {
    const path = paths.get(oid)
    // Fetched along with something else, but no ref leads to it: it will not be pushed.
    if (path === undefined) continue
    const commits = await repository.git(['log', '--all', '--reverse', '--format=%H', `--find-object=${oid}`], { signal })
    const commit = commits.toString('latin1').split('\n')[0]
    files.push({ path, size, oid, ...(commit ? { commit } : {}) })
  }
  return files.sort((a, b) => b.size - a.size)
}
