import { describe, expect, it } from 'vitest'
import { parseMap } from './csv-map.ts'

describe('parseMap', () => {
  it('reads sources, targets and what is said of them', () => {
    const text = '\uFEFFsource,target,visibility,description,existing\r\nPRJ/a,acme/A,Internal,"one, ""two""",yes\r\n\r\n# a remark\r\nPRJ/b,b,,,\r\n~ada/c,,,,no\r\n'
    expect(parseMap(text, 'octo')).toEqual([
      {
        line: 2,
        request: {
          source: { project: 'PRJ', repository: 'a' },
          target: { owner: 'acme', name: 'A', visibility: 'internal', description: 'one, "two"', existing: true },
        },
      },
      { line: 5, request: { source: { project: 'PRJ', repository: 'b' }, target: { owner: 'octo', name: 'b' } } },
      { line: 6, request: { source: { project: '~ada', repository: 'c' }, target: { owner: 'octo', existing: false } } },
    ])
  })

  it.each([
    ['PRJ', /"PRJ" is not a source/],
    ['PRJ/a/b', /not a source/],
    ['/a', /not a source/],
    ['PRJ/a,x/y/z', /"x\/y\/z" is not a target/],
    ['PRJ/a,name', /names no owner/],
    ['PRJ/a,o/n,maybe', /existing is "maybe"/],
  ])('says what is wrong with the line %s', (line, problem) => {
    const columns = line.split(',').length
    const [row] = parseMap(`${['source', 'target', 'existing'].slice(0, columns).join(',')}\n${line}\n`, undefined)
    expect(row).toEqual({ line: 2, problem: expect.stringMatching(problem) })
  })

  it.each([
    ['', /no lines besides/],
    ['source,target\n', /no lines besides/],
    ['target\nacme/a\n', /"source" among them/],
    ['source,to\nPRJ/a,b\n', /not known: to\./],
    ['source,source\nPRJ/a,b\n', /twice/],
    ['source,target\nPRJ/a,b,c\n', /not valid CSV/],
    ['source,target\n"PRJ/a,b\n', /not valid CSV/],
  ])('refuses a text that is no map: %j', (text, message) => {
    expect(() => parseMap(text, 'octo')).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) }))
  })

  it('takes names that mean something elsewhere as names', () => {
    const [row] = parseMap('source\n__proto__/constructor\n', 'octo')
    expect(row?.request?.source).toEqual({ project: '__proto__', repository: 'constructor' })
  })
})
