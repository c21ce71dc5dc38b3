import { describe, expect, it } from 'vitest'
import { Keyring } from './keyring.ts'

const key = (letter: string) => letter.repeat(40)
const place = ['subject', 'github', 'id']

describe('Keyring', () => {
  it('opens what it sealed, never twice with the same text', () => {
    const keyring = new Keyring([key('a')])
    const [one, two] = [keyring.seal('secret ☕', place), keyring.seal('secret ☕', place)]
    expect(one).not.toBe(two)
    expect(one).not.toContain('secret')
    expect(keyring.open(one, place)).toBe('secret ☕')
  })

  it('refuses a flipped bit anywhere', () => {
    const keyring = new Keyring([key('a')])
    const [id = '', nonce = '', data = ''] = keyring.seal('secret', place).split('.')
    for (const [part, text] of Object.entries({ nonce, data })) {
      const bytes = Buffer.from(text, 'base64url')
      for (let index = 0; index < bytes.length; index++) {
        const changed = Buffer.from(bytes)
        changed[index]! ^= 1
        const flipped = part === 'nonce' ? [id, changed.toString('base64url'), data] : [id, nonce, changed.toString('base64url')]
        expect(() => keyring.open(flipped.join('.'), place)).toThrow(expect.objectContaining({ code: 'AUTHENTICATION_FAILED' }))
      }
    }
  })

  it('refuses what belongs elsewhere, also when the parts only join to the same text', () => {
    const keyring = new Keyring([key('a')])
    const sealed = keyring.seal('secret', ['ab', 'c'])
    for (const other of [['a', 'bc'], ['abc'], ['ab', 'c', ''], ['ab', 'd']]) {
      expect(() => keyring.open(sealed, other)).toThrow(expect.objectContaining({ code: 'AUTHENTICATION_FAILED' }))
    }
  })

  it('opens what an older key sealed as long as that key is known', () => {
    const old = new Keyring([key('a')])
    const rotated = new Keyring([key('b'), key('a')])
    const sealed = old.seal('secret', place)
    expect(rotated.open(sealed, place)).toBe('secret')
    expect(rotated.isCurrent(sealed)).toBe(false)
    expect(rotated.isCurrent(rotated.seal('secret', place))).toBe(true)
    expect(() => new Keyring([key('b')]).open(sealed, place)).toThrow(/not among the session keys/)
  })

  it('wants a key that cannot be guessed', () => {
    expect(() => new Keyring([])).toThrow(expect.objectContaining({ code: 'MISSING_CONFIGURATION' }))
    expect(() => new Keyring([key('a'), 'short'])).toThrow(/key 2 .* fewer than 32/)
  })
})
