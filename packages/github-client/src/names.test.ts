import { describe, expect, it } from 'vitest'
import { checkOwner, checkRepositoryName, toRepositoryName, toTopic } from './names.ts'

describe('toRepositoryName', () => {
  it.each([
    ['plain', 'plain'],
    ['Under_score.dot-dash9', 'Under_score.dot-dash9'],
    ['two words', 'two-words'],
    ['Zahlungen & Verträge', 'Zahlungen-Vertr-ge'],
    ['a/b\\c', 'a-b-c'],
    ['../../x', '..-..-x'],
    ['%2e%2e%2f', '-2e-2e-2f'],
    ['nul\0l', 'nul-l'],
    ['😀', '-'],
    ['', '-'],
    ['.', '-'],
    ['..', '-'],
    ['...', '...'],
    ['tool.git', 'tool'],
    ['tool.GIT.wiki', 'tool'],
    ['.git', '-'],
    ['gitolite.gitx', 'gitolite.gitx'],
  ])('%j becomes %j', (text, name) => {
    expect(toRepositoryName(text)).toBe(name)
  })

  it('keeps 100 characters, and what it makes is legal already', () => {
    expect(toRepositoryName('x'.repeat(10_000))).toBe('x'.repeat(100))
    const cut = `${'x'.repeat(96)}.git-and-more`
    expect(toRepositoryName(cut)).toBe('x'.repeat(96))
    for (const text of [cut, 'ä b', '.wiki.git', '..']) expect(toRepositoryName(toRepositoryName(text))).toBe(toRepositoryName(text))
  })
})

describe('toTopic', () => {
  it.each([
    ['Backend', 'backend'],
    ['C++ & C#', 'c-c'],
    ['Überblick', 'uberblick'],
    ['--draft--', 'draft'],
    ['two words', 'two-words'],
    ['日本', undefined],
    ['', undefined],
  ])('%j becomes %j', (label, topic) => {
    expect(toTopic(label)).toBe(topic)
  })

  it('keeps 50 characters, and leaves no hyphen at the cut', () => {
    expect(toTopic('y'.repeat(80))).toBe('y'.repeat(50))
    expect(toTopic(`${'y'.repeat(49)} tail`)).toBe('y'.repeat(49))
  })
})

describe('what goes into a path', () => {
  it.each(['..', '.', '', 'a/b', 'a b', 'name[bot]', 'x'.repeat(101), 'a\r\nb', '%2e'])('refuses the owner %j', (owner) => {
    expect(() => { checkOwner(owner) }).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', context: { option: 'owner' } }))
  })

  it.each(['..', '.', '', 'a/b', 'a b', 'tool.git', '__proto__/x'])('refuses the repository name %j', (name) => {
    expect(() => { checkRepositoryName(name) }).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', context: { option: 'name' } }))
  })

  it('says what a name could be instead', () => {
    expect(() => { checkRepositoryName('my tool') }).toThrow('It could be named my-tool.')
    expect(() => { checkRepositoryName('__proto__') }).not.toThrow()
  })
})
