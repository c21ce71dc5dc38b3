import { execFileSync } from 'node:child_process'
import type { Sandbox, Seed } from '@saddle/sandbox'
import { HttpClient, type GitRemote } from '@saddle/transport'
import { expect } from 'vitest'
import { listSourceRefs, listTargetRefs, planUpdates, relayPack, type RelayOptions, type RelayResult } from '../src/index.ts'

/** A repository at the source and an empty one, unless seeded, at the target; with their folders, for real git. */
export interface Pair {
  source: GitRemote
  target: GitRemote
  sourcePath: string
  targetPath: string
  name: string
}

/** What is in the two repositories of a {@link Pair}. */
export interface PairOptions {
  seed: Seed
  targetSeed?: Seed
  /** Of the source. */
  objectFormat?: 'sha1' | 'sha256'
  targetFormat?: 'sha1' | 'sha256'
}

const organization = 'acme'
let number = 0

/** Runs git in a repository and returns what it prints. */
export const git = (path: string, args: readonly string[], input?: Buffer): string =>
  execFileSync('git', ['-C', path, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], {
    maxBuffer: 1 << 28,
    encoding: 'latin1',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input ? { input } : {}),
  })

/** What `for-each-ref` says about the refs that a relay moves. */
export const refsOf = (path: string): string => git(path, ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags', 'refs/notes'])

/** Makes a new pair of repositories. */
export async function pairOn(sandbox: Sandbox, { seed, targetSeed, objectFormat, targetFormat }: PairOptions): Promise<Pair> {
  const name = `repo-${++number}`
  const { bitbucket, github } = sandbox
  const { path: sourcePath, cloneUrl } = await bitbucket.createRepository({ project: 'PRJ', slug: name, seed, ...(objectFormat && { objectFormat }) })
  const target = await github.createRepository({
    owner: organization,
    name,
    ...(targetSeed && { seed: targetSeed }),
    ...(targetFormat && { objectFormat: targetFormat }),
  })
  return {
    name,
    sourcePath,
    targetPath: target.path,
    source: remoteAt(cloneUrl, `Bearer ${bitbucket.token}`),
    target: remoteAt(target.cloneUrl, `Basic ${Buffer.from(`x-access-token:${github.token}`).toString('base64')}`),
  }
}

/** A repository at an address, spoken to without pauses between tries. */
export function remoteAt(url: string, authorization: string): GitRemote {
  const http = new HttpClient({ baseUrl: new URL(url).origin, authorize: () => ({ authorization }), retry: { sleep: () => Promise.resolve() } })
  return { url, http }
}

/** Lists both sides, plans and relays. */
export async function relay(
  { source, target }: Pick<Pair, 'source' | 'target'>,
  { prune = false, ...options }: Partial<RelayOptions> & { prune?: boolean } = {},
): Promise<RelayResult> {
  const sourceRefs = await listSourceRefs(source, { prefixes: ['refs/heads/', 'refs/tags/', 'refs/notes/'], signal: options.signal })
  const targetRefs = await listTargetRefs(target, { signal: options.signal })
  const updates = planUpdates({ source: sourceRefs, target: targetRefs, prune })
  return relayPack({ source, target, sourceRefs, targetRefs, updates, ...options })
}

/** The oracle: the refs are the same, and git finds nothing wrong with the target. */
export function expectEqual({ sourcePath, targetPath }: Pair): void {
  expect(refsOf(targetPath)).toBe(refsOf(sourcePath))
  git(targetPath, ['fsck', '--full', '--strict'])
}
