import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canFilter, fetchFiltered, listSourceRefs, readPack, type PackObject } from '../src/index.ts'
import { git, pairOn, type Pair } from './pair.ts'

let sandbox: Sandbox
let old: Sandbox
let both: Pair
beforeAll(async () => {
  sandbox = await startSandbox()
  old = await startSandbox({ bitbucket: { protocol: 0 } })
  for (const { github } of [sandbox, old]) github.createOrganization({ login: 'acme' })
  both = await pairOn(sandbox, { seed: { commits: 30, branches: 3, tags: 4, blobSize: 3000, files: { 'a/small.txt': 'small\n' } } })
})
afterAll(async () => {
  await sandbox.close()
  await old.close()
})

async function fetched(filter: string, more: { haves?: string[]; depth?: number } = {}): Promise<PackObject[]> {
  const { refs } = await listSourceRefs(both.source)
  const wants = [...new Set([...refs.values()].map(({ oid }) => oid))]
  const objects: PackObject[] = []
  for await (const object of readPack(fetchFiltered(both.source, { wants, filter, ...more }))) objects.push(object)
  return objects
}
const countOf = (objects: readonly PackObject[], type: PackObject['type']) => objects.filter((object) => object.type === type).length

describe('a filtered fetch', () => {
  it('brings the commits alone', async () => {
    const objects = await fetched('tree:0')
    expect(countOf(objects, 'commit')).toBe(Number(git(both.sourcePath, ['rev-list', '--all', '--count'])))
    expect(countOf(objects, 'tag')).toBe(2)
    expect(countOf(objects, 'tree') + countOf(objects, 'blob')).toBe(0)
  })

  it('brings small blobs alone', async () => {
    const objects = await fetched('combine:object:type=blob+blob:limit=1024')
    expect(countOf(objects, 'tree')).toBe(0)
    expect(objects.flatMap(({ type, data }) => (type === 'blob' ? [data.toString()] : []))).toContain('small\n')
    expect(objects.every(({ type, data }) => type !== 'blob' || data.length < 1024)).toBe(true)
  })

  it('leaves out what is there already, and goes back no further than asked', async () => {
    const tip = git(both.sourcePath, ['rev-parse', 'main~10']).trim()
    expect(countOf(await fetched('tree:0', { haves: [tip] }), 'commit')).toBeLessThan(15)
    const tips = new Set(git(both.sourcePath, ['for-each-ref', '--format=%(objectname)^{commit}', 'refs/heads', 'refs/tags']).trim().split('\n').map((name) => git(both.sourcePath, ['rev-parse', name])))
    expect(countOf(await fetched('tree:0', { depth: 1 }), 'commit')).toBe(tips.size)
  })

  it('is refused with a filter that the server does not know', async () => {
    await expect(fetched('nonsense')).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' })
  })

  it('is offered by a server of version 2 that allows it, which is asked once', async () => {
    const before = sandbox.bitbucket.requests.length
    expect([await canFilter(both.source), await canFilter(both.source)]).toEqual([true, true])
    expect(sandbox.bitbucket.requests.length - before).toBeLessThanOrEqual(1)
    const { source } = await pairOn(old, { seed: { commits: 1 } })
    expect(await canFilter(source)).toBe(false)
  })
})
