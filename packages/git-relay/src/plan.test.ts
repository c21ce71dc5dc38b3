import { describe, expect, it } from 'vitest'
import { planUpdates } from './plan.ts'
import type { ObjectFormat, RefListing } from './refs.ts'

function listing(refs: Record<string, string>, objectFormat: ObjectFormat = 'sha1'): RefListing {
  const tips = new Map(Object.entries(refs).map(([ref, oid]) => [ref, { oid }]))
  return { protocol: 2, objectFormat, refs: tips, haves: [], capabilities: new Map() }
}

describe('planning', () => {
  const source = listing({ 'refs/heads/main': '1', 'refs/heads/new': '2', 'refs/tags/v1': '3', 'refs/pull-requests/1/from': '4', 'refs/notes/commits': '5' })
  const target = listing({ 'refs/heads/main': '0', 'refs/tags/v1': '3', 'refs/heads/old': '6', 'refs/pull/1/head': '7' })

  it('says what becomes of each ref of the usual namespaces', () => {
    expect(planUpdates({ source, target })).toEqual([
      { ref: 'refs/heads/main', kind: 'update', oldOid: '0', newOid: '1' },
      { ref: 'refs/heads/new', kind: 'create', newOid: '2' },
      { ref: 'refs/tags/v1', kind: 'unchanged', oldOid: '3', newOid: '3' },
      { ref: 'refs/notes/commits', kind: 'create', newOid: '5' },
    ])
  })

  it('deletes only with prune, only in the namespaces, and first', () => {
    expect(planUpdates({ source, target, prune: true })[0]).toEqual({ ref: 'refs/heads/old', kind: 'delete', oldOid: '6' })
    expect(planUpdates({ source, target, prune: true }).filter(({ kind }) => kind === 'delete')).toHaveLength(1)
    expect(planUpdates({ source, target, prune: true, namespaces: ['refs/tags/'] }).map(({ kind }) => kind)).toEqual(['unchanged'])
  })

  it('refuses two formats, unless there is nothing to move', () => {
    const other = listing({}, 'sha256')
    expect(() => planUpdates({ source, target: other })).toThrow(expect.objectContaining({ code: 'OBJECT_FORMAT_MISMATCH' }) as Error)
    expect(planUpdates({ source: other, target })).toEqual([])
  })
})
