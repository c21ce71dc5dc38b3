import type { Repository } from '@saddle/bitbucket-client'
import type { RefListing } from '@saddle/git-relay'
import { describe, expect, it } from 'vitest'
import { translateDescription } from './description.ts'
import { lfsLosses, namespaceLosses, pullRequestLosses, repositoryLosses } from './losses.ts'
import { compareRefs, nameRefs } from './refs.ts'
import { translateLabels } from './topics.ts'

describe('translateDescription', () => {
  it('puts it on one line without control characters', () => {
    expect(translateDescription(' a\r\nb\tc\u0000\u2028d ')).toEqual({ description: 'a b c d', losses: [] })
    expect(translateDescription(undefined)).toEqual({ description: '', losses: [] })
    expect(translateDescription(null)).toEqual({ description: '', losses: [] })
  })

  it('cuts what is too long, between characters, and says so', () => {
    const { description, losses } = translateDescription('🌭'.repeat(351))
    expect([...description]).toHaveLength(350)
    expect(description.endsWith('🌭…')).toBe(true)
    expect(losses).toEqual([expect.objectContaining({ kind: 'description' })])
    expect(translateDescription('x'.repeat(350)).losses).toEqual([])
  })
})

describe('translateLabels', () => {
  it('adds to what is there', () => {
    expect(translateLabels(['b', 'a'], ['x', 'a'])).toEqual({ topics: ['x', 'a', 'b'], losses: [] })
  })

  it('reports labels that change, and those with no form as a topic', () => {
    const { topics, losses } = translateLabels(['C Sharp', '☕', 'fine'])
    expect(topics).toEqual(['c-sharp', 'fine'])
    expect(losses.map(({ subject }) => subject)).toEqual(['C Sharp', '☕'])
  })

  it('reports what finds no room, and takes in what is there already', () => {
    const present = Array.from({ length: 20 }, (_, index) => `t${index}`)
    const { topics, losses } = translateLabels(['t3', 'new'], present)
    expect(topics).toEqual(present)
    expect(losses).toEqual([expect.objectContaining({ kind: 'topic', subject: 'new', reason: expect.stringContaining('20') })])
  })
})

const listing = (refs: [string, string][]): RefListing => ({
  protocol: 2, objectFormat: 'sha1', haves: [], capabilities: new Map(), refs: new Map(refs.map(([ref, oid]) => [ref, { oid }])),
})

describe('losses', () => {
  it('counts refs outside the namespaces, without those of pull requests', () => {
    const names = ['refs/heads/a', 'refs/builds/1', 'refs/builds/2', 'refs/stash', 'refs/pull-requests/1/from']
    const found = namespaceLosses(listing(names.map((name) => [name, '1'])), ['refs/heads/'])
    expect(found.map(({ subject, count }) => [subject, count])).toEqual([['refs/builds/', 2], ['refs/stash/', 1]])
  })

  it('says nothing where there is nothing, or nothing is known', () => {
    const repository = { origin: undefined, public: false } as Repository
    expect([...repositoryLosses(repository, 'private'), ...lfsLosses([], new Map()), ...pullRequestLosses(0)]).toEqual([])
  })

  it('names a fork, and public access that is not asked for', () => {
    const repository = { origin: { projectKey: 'P', slug: 's' }, public: true } as Repository
    expect(repositoryLosses(repository, 'private').map(({ kind, subject }) => [kind, subject])).toEqual([['fork', 'P/s'], ['visibility', 'public access']])
    expect(repositoryLosses(repository, 'public').map(({ kind }) => kind)).toEqual(['fork'])
    const objects = Array.from({ length: 103 }, (_, index) => ({ oid: String(index).padStart(64, '0'), size: 5 }))
    const losses = lfsLosses(objects, new Map([[objects[1]!.oid, 'art/logo.psd']]))
    expect(losses).toHaveLength(101)
    expect(losses.slice(0, 2).map(({ subject }) => subject)).toEqual([objects[0]!.oid, `art/logo.psd (${objects[1]!.oid})`])
    expect(losses.at(-1)).toMatchObject({ kind: 'lfs-objects', count: 3 })
    expect(pullRequestLosses(3)).toEqual([expect.objectContaining({ kind: 'pull-requests', count: 3 })])
  })
})

describe('compareRefs', () => {
  it('compares hash for hash, within the namespaces only', () => {
    const source = listing([['refs/heads/same', '1'], ['refs/heads/moved', '2'], ['refs/heads/new', '3'], ['refs/other/x', '4'], ['refs/heads/__proto__', '5']])
    const target = listing([['refs/heads/same', '1'], ['refs/heads/moved', '9'], ['refs/heads/gone', '8'], ['refs/other/y', '4'], ['refs/heads/__proto__', '5']])
    expect(compareRefs(source, target, ['refs/heads/'])).toEqual({
      source: 4, target: 4, equal: 2, missing: ['refs/heads/new'], different: ['refs/heads/moved'], extra: ['refs/heads/gone'],
    })
  })
})

describe('nameRefs', () => {
  it('escapes what could fool a reader, and stops in time', () => {
    expect(nameRefs(['refs/heads/a\u202eb'])).toBe('refs/heads/a\\u{202e}b')
    expect(nameRefs(Array.from({ length: 12 }, (_, index) => `r${index}`), 2)).toBe('r0, r1 and 10 more')
  })
})
