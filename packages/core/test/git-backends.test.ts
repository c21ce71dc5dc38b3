import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import type { FaultAction } from '@saddle/sandbox'
import { BitbucketClient, GitHubClient, RelayBackend, type GitBackend } from '../src/index.ts'
import { NativeBackend } from '../src/git/native.ts'
import { gitBackendSuite, type RepositoryPair, type TransferFault } from '../src/testing.ts'
import { impatient, setStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.close())

const actions: Record<TransferFault, { side: 'bitbucket' | 'github'; service: string; action: FaultAction }> = {
  'source ends early': { side: 'bitbucket', service: 'git-upload-pack', action: { truncateAfter: 40_000 } },
  'pack is damaged': { side: 'bitbucket', service: 'git-upload-pack', action: { corruptAt: 40_000 } },
  'target breaks off': { side: 'github', service: 'git-receive-pack', action: { resetRequestAfter: 40_000 } },
  'source is silent': { side: 'bitbucket', service: 'git-upload-pack', action: { stall: true } },
}

async function make(backend: GitBackend) {
  const { bitbucket, github } = stage.sandbox
  const from = new BitbucketClient({ baseUrl: bitbucket.url, auth: { token: bitbucket.token }, retry: impatient })
  const to = new GitHubClient({ baseUrl: github.url, gitUrl: github.webUrl, auth: { token: github.token }, retry: impatient })
  const slugs = new Map<RepositoryPair, string>()
  return {
    backend,
    async pair(history: { commits: number }) {
      const { slug, git } = await stage.seed({ seed: { ...history, blobSize: 4000 } })
      await github.createRepository({ owner: 'acme', name: slug, seed: { empty: true } })
      const pair: RepositoryPair = {
        source: from.gitRemote(await from.repository('PRJ', slug)),
        target: to.gitRemote('acme', slug),
        sourceGit: git,
        targetGit: (...args) => stage.targetGit(slug, ...args),
      }
      slugs.set(pair, slug)
      return pair
    },
    fail(pair: RepositoryPair, kind: TransferFault) {
      const { side, service, action } = actions[kind]
      // Of the requests to the source, the first one is the suite's own listing.
      const skip = side === 'bitbucket' ? 1 : 0
      const fault = stage.sandbox[side].fault({ method: 'POST', path: `${slugs.get(pair)}.git/${service}`, times: 100, skip, action })
      return { happened: fault.fired, end: () => fault.remove() }
    },
    refuse: (pair: RepositoryPair, ref: string) => github.rejectRefs({ owner: 'acme', name: slugs.get(pair)!, ref, reason: 'GH006' }),
    secrets: [bitbucket.token, github.token, Buffer.from(`x-access-token:${github.token}`).toString('base64')],
    async dispose() {
      await Promise.all([from.close(), to.close()])
    },
  }
}

const functions = { describe, it, beforeEach, afterEach }
gitBackendSuite(functions, 'RelayBackend', () => make(new RelayBackend()))
gitBackendSuite(functions, 'NativeBackend', () => make(new NativeBackend()))
