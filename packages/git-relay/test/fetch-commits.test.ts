import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchCommits, listSourceRefs } from '../src/index.ts'
import { git, pairOn } from './pair.ts'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox()
  sandbox.github.createOrganization({ login: 'acme' })
})
afterAll(() => sandbox.close())

const tipsOf = async (source: Parameters<typeof listSourceRefs>[0]) => [...(await listSourceRefs(source)).refs.values()].map(({ oid }) => oid)

describe('fetchCommits', () => {
  it('brings the commits alone, with their parents', async () => {
    const { source, sourcePath } = await pairOn(sandbox, { seed: { commits: 40, branches: 4, tags: 4, blobSize: 100_000 } })
    sandbox.bitbucket.clearRequests()
    const commits = await fetchCommits(source, { objectFormat: 'sha1', wants: await tipsOf(source) })
    const lines = [...commits].map(([oid, parents]) => [oid, ...parents].join(' ')).sort()
    expect(lines).toEqual(git(sourcePath, ['rev-list', '--all', '--parents']).trim().split('\n').sort())
    expect(sandbox.bitbucket.requests.at(-1)?.bytesOut).toBeLessThan(20_000)
  })

  it('leaves out what is known', async () => {
    const { source, sourcePath } = await pairOn(sandbox, { seed: { commits: 10 } })
    const known = git(sourcePath, ['rev-parse', 'main~3']).trim()
    const commits = await fetchCommits(source, { objectFormat: 'sha1', wants: await tipsOf(source), haves: [known, 'f'.repeat(40)] })
    expect(commits.size).toBe(3)
  })

  it('speaks of SHA-256 as well', async () => {
    const { source } = await pairOn(sandbox, { seed: { commits: 5 }, objectFormat: 'sha256' })
    expect((await fetchCommits(source, { objectFormat: 'sha256', wants: await tipsOf(source) })).size).toBe(5)
  })

  it.each([{ truncateAfter: 8000 }, { corruptAt: 8000 }, { resetAfter: 8000 }])('fails when its answer is damaged: %j', async (action) => {
    const { source, name } = await pairOn(sandbox, { seed: { commits: 50 } })
    const wants = await tipsOf(source)
    sandbox.bitbucket.fault({ path: `${name}.git/git-upload-pack`, times: 5, action })
    await expect(fetchCommits(source, { objectFormat: 'sha1', wants })).rejects.toMatchObject({ code: expect.stringMatching(/PACK_CORRUPT|NETWORK|PROTOCOL_ERROR/) as string })
  })

  it('says what the source no longer has', async () => {
    const { source } = await pairOn(sandbox, { seed: { commits: 1 } })
    await expect(fetchCommits(source, { objectFormat: 'sha1', wants: ['a'.repeat(40)] })).rejects.toMatchObject({ code: 'CONFLICT' })
  })
})
