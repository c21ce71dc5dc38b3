import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FaultAction } from '@saddle/sandbox'
import { BitbucketClient, GitHubClient, RelayBackend, type GitBackend } from '../src/index.ts'
import { IsomorphicBackend } from '../src/git/isomorphic.ts'
import { NativeBackend } from '../src/git/native.ts'
import { gitBackendSuite, type GitBackendUnderTest, type RepositoryPair, type TransferFault } from '../src/testing.ts'
import { impatient, setStage, type Stage } from './stage.ts'
// @ts-expect-error it is plain JavaScript
import { OffHoursBackend } from '../../../examples/off-hours-backend.mjs'

let stage: Stage
let workDirectory: string
/** Where redirects lead to; nobody must follow them. */
const elsewhere = createServer((_, response) => response.end())
let visits = 0
elsewhere.on('connection', () => visits++)

beforeAll(async () => {
  stage = await setStage()
  workDirectory = await mkdtemp(join(tmpdir(), 'saddle-backends-'))
  await once(elsewhere.listen(0, '127.0.0.1'), 'listening')
})
afterAll(async () => {
  await stage.close()
  elsewhere.close()
  await rm(workDirectory, { recursive: true })
})

const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.invalid']
const gitIn =
  (path: string): RepositoryPair['sourceGit'] =>
  (args, input = '') =>
    execFileSync('git', ['-C', path, ...identity, ...args], { input, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'pipe'] }).trim()

async function make(backend: GitBackend, manyRefs = 10_000): Promise<GitBackendUnderTest> {
  const { bitbucket, github } = stage.sandbox
  const from = new BitbucketClient({ baseUrl: bitbucket.url, auth: { token: bitbucket.token }, retry: impatient })
  const to = new GitHubClient({ baseUrl: github.url, gitUrl: github.webUrl, auth: { token: github.token }, retry: impatient })
  const slugs = new Map<RepositoryPair, string>()
  const secrets = [bitbucket.token, github.token, Buffer.from(`x-access-token:${github.token}`).toString('base64')]
  const faults: Record<TransferFault, { side: 'bitbucket' | 'github'; service: string; action: (at: number) => FaultAction }> = {
    'source ends early': { side: 'bitbucket', service: 'git-upload-pack', action: (truncateAfter) => ({ truncateAfter }) },
    'source breaks off': { side: 'bitbucket', service: 'git-upload-pack', action: (resetAfter) => ({ resetAfter }) },
    'pack is damaged': { side: 'bitbucket', service: 'git-upload-pack', action: (corruptAt) => ({ corruptAt }) },
    'target breaks off': { side: 'github', service: 'git-receive-pack', action: (resetRequestAfter) => ({ resetRequestAfter }) },
    'answer is lost': { side: 'github', service: 'git-receive-pack', action: () => ({ dropAnswer: true }) },
    'target lies': { side: 'github', service: 'git-receive-pack', action: () => ({ lie: true }) },
    'source is silent': { side: 'bitbucket', service: 'git-upload-pack', action: () => ({ stall: true }) },
    'target is silent': { side: 'github', service: 'git-receive-pack', action: () => ({ stall: true }) },
    'source redirects': {
      side: 'bitbucket',
      service: 'git-upload-pack',
      action: () => ({ status: 302, headers: { location: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/` } }),
    },
    'target echoes credentials': { side: 'github', service: 'git-receive-pack', action: () => ({ status: 403, body: secrets.join(' ') }) },
  }
  return {
    backend,
    async pair({ objectFormat = 'sha1', targetFormat = objectFormat, commits, ...seed }) {
      const { slug, path } = await stage.seed({ seed: commits === 0 ? { empty: true } : { commits, ...seed, blobSize: 4000 }, objectFormat })
      await github.createRepository({ owner: 'acme', name: slug, seed: { empty: true }, objectFormat: targetFormat })
      const pair: RepositoryPair = {
        source: from.gitRemote(await from.repository('PRJ', slug)),
        target: to.gitRemote('acme', slug),
        sourceGit: gitIn(path),
        targetGit: gitIn(github.repositoryPath('acme', slug)),
      }
      slugs.set(pair, slug)
      return pair
    },
    fail(pair, kind, at = 40_000) {
      const { side, service, action } = faults[kind]
      // Of the requests to the source, the first one is the suite's own listing.
      const skip = side === 'bitbucket' ? 1 : 0
      const fault = stage.sandbox[side].fault({ method: 'POST', path: `${slugs.get(pair)}.git/${service}`, times: 100, skip, action: action(at) })
      return { happened: fault.fired, end: () => fault.remove() }
    },
    refuse: (pair, ref) => github.rejectRefs({ owner: 'acme', name: slugs.get(pair)!, ref, reason: 'GH006' }),
    left: () => readdir(workDirectory),
    manyRefs,
    secrets,
    async dispose() {
      await Promise.all([from.close(), to.close()])
      expect(visits).toBe(0)
    },
  }
}

const functions = { describe, it, beforeEach, afterEach }
gitBackendSuite(functions, 'RelayBackend', () => make(new RelayBackend()))
gitBackendSuite(functions, 'NativeBackend', () => make(new NativeBackend({ workDirectory })))
gitBackendSuite(functions, 'IsomorphicBackend', () => make(new IsomorphicBackend({ workDirectory })), {
  'moves repositories that name objects with SHA-256': 'isomorphic-git knows SHA-1 only',
})
// A backend of somebody's own: the one that the examples show, at night.
const Example = OffHoursBackend as new (inner: GitBackend, hours: { from: number; to: number; hour: () => number }) => GitBackend
gitBackendSuite(functions, 'OffHoursBackend', () => make(new Example(new RelayBackend(), { from: 20, to: 6, hour: () => 23 }), 1000))
