import { describe, expect, it } from 'vitest'
import { normalizeRequest, parseRequest, requestDefaults, sourceName, targetName, type MigrationRequest } from './request.ts'

const request: MigrationRequest = { source: { project: 'PRJ', repository: 'my_repo' }, target: { owner: 'acme' } }

describe('parseRequest', () => {
  it('takes what is complete', () => {
    const full: MigrationRequest = {
      source: { project: '~ada', repository: 'a.b-c_d' },
      target: { owner: 'acme', name: 'X', description: null, visibility: 'internal', existing: true },
      options: { force: true, prune: true, namespaces: ['refs/heads/', 'refs/x/y/'], settings: false, git: 'relay' },
    }
    expect(parseRequest(full)).toEqual(full)
  })

  it.each([
    ['a path for a slug', { ...request, source: { project: 'P', repository: '../x' } }, 'source.repository'],
    ['an encoded path', { ...request, source: { project: 'P', repository: '%2e%2e%2f' } }, 'source.repository'],
    ['a dot', { ...request, source: { project: '..', repository: 'x' } }, 'source.project'],
    ['control characters', { ...request, source: { project: 'P', repository: 'a\0b' } }, 'source.repository'],
    ['text that runs backwards', { ...request, source: { project: 'P', repository: 'a\u202eb' } }, 'source.repository'],
    ['an owner that looks like an option', { ...request, target: { owner: '-x' } }, 'target.owner'],
    ['a name with a slash', { ...request, target: { owner: 'o', name: 'a/b' } }, 'target.name'],
    ['a very long name', { ...request, target: { owner: 'o', name: 'a'.repeat(10_000) } }, 'target.name'],
    ['a namespace that is none', { ...request, options: { namespaces: ['heads'] } }, 'options.namespaces.0'],
    ['no namespace at all', { ...request, options: { namespaces: [] } }, 'options.namespaces'],
    ['a visibility that does not exist', { ...request, target: { owner: 'o', visibility: 'secret' } }, 'target.visibility'],
    ['nothing', undefined, undefined],
  ])('refuses %s and says where', (_, input, option) => {
    expect(() => parseRequest(input)).toThrowError(expect.objectContaining({ code: 'INVALID_INPUT', context: option === undefined ? {} : { option } }))
  })

  it('refuses fields that it does not know, since they may be misspelt', () => {
    expect(() => parseRequest({ ...request, options: { prun: true } })).toThrowError(/prun/)
    const hostile: unknown = JSON.parse('{"source":{"project":"P","repository":"r"},"target":{"owner":"o"},"__proto__":{"x":1}}')
    expect(() => parseRequest(hostile)).toThrowError(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })
})

describe('normalizeRequest', () => {
  it('fills in what applies by default', () => {
    expect(normalizeRequest(request)).toEqual({
      source: request.source,
      target: { owner: 'acme', name: 'my_repo', visibility: 'private', existing: false },
      options: { force: false, prune: false, namespaces: requestDefaults.namespaces, settings: true, git: 'auto' },
    })
  })

  it('translates the slug to a name that the target allows', () => {
    expect(normalizeRequest({ ...request, source: { project: 'P', repository: 'weird☕ slug' } }).target.name).toBe('weird-slug')
  })

  it('keeps a description that says none apart from one that was left out', () => {
    expect(normalizeRequest({ ...request, target: { owner: 'o', description: null } }).target).toHaveProperty('description', null)
    expect(normalizeRequest(request).target).not.toHaveProperty('description')
  })

  it('names both sides', () => {
    const normalized = normalizeRequest(request)
    expect([sourceName(normalized), targetName(normalized)]).toEqual(['PRJ/my_repo', 'acme/my_repo'])
  })
})
