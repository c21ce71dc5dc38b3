import { describe, expect, it } from 'vitest'
import { decodeRefName, encodeRefName, isRefName, showRefName } from './ref-name.ts'

describe('ref names', () => {
  it('are the strings that valid UTF-8 spells', () => {
    for (const name of ['refs/heads/main', 'refs/heads/ü', 'refs/heads/🌭', 'refs/heads/a\u202eb']) {
      expect(decodeRefName(Buffer.from(name))).toBe(name)
      expect(encodeRefName(name)).toEqual(Buffer.from(name))
    }
  })

  it('survive both ways, whatever their bytes', () => {
    const samples = [[0xff], [0xc3], [0xc3, 0x28], [0xe2, 0x82], [0xf0, 0x9f, 0x8c], [0xed, 0xa0, 0x80], [0xed, 0xb2, 0x80], [0xc0, 0xaf], [0xf5, 0x80, 0x80, 0x80]]
    for (const bytes of [...samples, [...Array(256).keys()], samples.flat(), [...samples.flat()].reverse()]) {
      const name = Buffer.concat([Buffer.from('refs/heads/é'), Buffer.from(bytes), Buffer.from('🌭')])
      expect(encodeRefName(decodeRefName(name))).toEqual(name)
    }
  })

  it('of different bytes are different strings, also after JSON', () => {
    const names = [[0xff], [0xfe], [0xc3, 0xbf], [0xed, 0xb3, 0xbf]].map((bytes) => decodeRefName(Buffer.from(bytes)))
    expect(new Set(names).size).toBe(4)
    expect(JSON.parse(JSON.stringify(names))).toEqual(names)
  })

  it.each(['refs/heads/main', 'refs/heads/-x', 'refs/heads/$(id)', 'refs/heads/%0d%0a', 'refs/heads/\udcff', `refs/heads/${'x'.repeat(255)}`])('can be %j', (name) => {
    expect(isRefName(name)).toBe(true)
  })

  it.each(['HEAD', 'heads/main', 'refs/heads/a b', 'refs/heads/a\nb', 'refs/heads/a\0b', 'refs/heads/..', 'refs/heads/a..b', 'refs/heads/', 'refs//x', 'refs/heads/@{1}', 'refs/heads/x^{}'])(
    'cannot be %j',
    (name) => expect(isRefName(name)).toBe(false),
  )

  it('are shown without what could fake text', () => {
    expect(showRefName('refs/heads/a\u202eb')).toBe('refs/heads/a\\u{202e}b')
    expect(showRefName('refs/heads/\u001b[31m')).toBe('refs/heads/\\u{1b}[31m')
    expect(showRefName('refs/heads/\udcff')).toBe('refs/heads/\\xff')
    expect(showRefName('refs/heads/🌭-ü')).toBe('refs/heads/🌭-ü')
  })
})
