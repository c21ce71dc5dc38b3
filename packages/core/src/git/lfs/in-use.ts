import type { BitbucketClient, Repository } from '@saddle/bitbucket-client'
import { SaddleError, type GitRemote } from '@saddle/transport'
import { lfsBatch } from './batch.ts'
import type { LfsObject } from './pointer.ts'

/** What the server's settings say, and where the credentials may not read them, whether it serves Git LFS. */
export async function usesLfs(repository: Repository, bitbucket: BitbucketClient, signal?: AbortSignal): Promise<boolean | undefined> {
  const { projectKey, slug } = repository
  return (await bitbucket.lfsEnabled(projectKey, slug, { signal })) ?? hasLfs(bitbucket.gitRemote(repository), { signal })
}

/** The object without content, which no server has to have; asking for it tells whether there is anybody to ask. */
const emptyObject: LfsObject = { oid: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', size: 0 }

/** How servers say that a repository has no Git LFS: Bitbucket where it is switched off, others where it does not exist. */
const closed = new Set(['NOT_FOUND', 'FORBIDDEN', 'PROTOCOL_ERROR', 'REDIRECTED'])

/** Whether a server has Git LFS for a repository, in one request; undefined when it does not let the credentials ask. */
async function hasLfs(remote: GitRemote, options: { signal?: AbortSignal | undefined } = {}): Promise<boolean | undefined> {
  try {
    await lfsBatch(remote, 'download', [emptyObject], options)
    return true
  } catch (thrown) {
    const { code, context } = SaddleError.from(thrown)
    // What it finds wrong with the object that was asked for is an answer, too.
    if (context.status === 422) return true
    if (closed.has(code)) return false
    if (code === 'AUTHENTICATION_FAILED') return undefined
    throw thrown
  }
}
