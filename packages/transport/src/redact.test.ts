import { expect, test } from 'vitest'
import { Redactor } from './redact.ts'

const secret = 'p@ss/w*rd+[x]"$1 ü&'

test.each([
  ['raw', secret],
  ['URL-encoded', encodeURIComponent(secret)],
  ['URL-encoded in lower case', encodeURIComponent(secret).toLowerCase()],
  ['form-encoded', new URLSearchParams({ p: secret }).toString().slice(2)],
  ['base64', Buffer.from(secret).toString('base64')],
  ['base64 without padding', Buffer.from(secret).toString('base64').replace(/=+$/, '')],
  ['base64url', Buffer.from(secret).toString('base64url')],
  ['JSON', JSON.stringify({ secret }).slice(11, -2)],
  ['JSON in ASCII', JSON.stringify({ secret }).slice(11, -2).replace('ü', '\\u00fc')],
  ['HTML', 'p@ss/w*rd+[x]&quot;$1 ü&amp;'],
  ['Basic credentials', Buffer.from(`jane:${secret}`).toString('base64')],
])('removes a secret that is %s', (_form, text) => {
  const redactor = new Redactor()
  redactor.add(secret, 'jane')
  expect(redactor.redact(`before ${text} after`)).toBe('before [redacted] after')
})

test('leaves everything else as it is', () => {
  const text = 'nothing here, not even p@ss/w or a $1'
  expect(new Redactor([secret]).redact(text)).toBe(text)
  expect(new Redactor().redact(text)).toBe(text)
})

test('leaves no part of secrets that overlap or contain one another', () => {
  const redactor = new Redactor(['abcdef', 'defghi', 'cde!', 'abcdefghijkl'])
  expect(redactor.redact('<abcdefghi> <abcdefghijkl> <abcdefabcdef>')).toBe('<[redacted]> <[redacted]> <[redacted][redacted]>')
})

test('knows the Basic credentials of a password too short to be looked for by itself', () => {
  const redactor = new Redactor()
  redactor.add('abc', 'jane')
  expect(redactor.redact(`abc ${Buffer.from('jane:abc').toString('base64')}`)).toBe('abc [redacted]')
})

test.each([
  ['https://jane:hunter2@host/x', 'https://[redacted]@host/x'],
  ['https://token@host/x', 'https://[redacted]@host/x'],
  ['https://:pw@host/x', 'https://[redacted]@host/x'],
  [`ghp_${'a'.repeat(36)}.`, '[redacted].'],
  [`github_pat_${'a'.repeat(40)}`, '[redacted]'],
  [`BBDC-${'a'.repeat(44)}`, '[redacted]'],
  ['eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjMifQ.c2lnbmF0dXJl', '[redacted]'],
])('removes what looks like a secret: %s', (text, expected) => {
  expect(new Redactor().redact(text)).toBe(expected)
})

test('an e-mail address and a plain address stay', () => {
  const text = 'mail jane@example.com about https://example.com/a@b'
  expect(new Redactor().redact(text)).toBe(text)
})

test('a secret with a lone surrogate is no fault', () => {
  expect(new Redactor(['bad\ud800secret']).redact('a bad\ud800secret b')).toBe('a [redacted] b')
})

test('takes linear time, also for text made to be slow', () => {
  const started = performance.now()
  new Redactor(['secret', 'aaaaaaab']).redact('a'.repeat(100_000) + '://'.repeat(50_000) + 'eyJ' + 'a'.repeat(100_000))
  expect(performance.now() - started).toBeLessThan(2000)
})

test('goes through JSON values, keys too', () => {
  const redactor = new Redactor(['hunter2'])
  const value = JSON.parse('{"a":["hunter2",1,null],"hunter2":{"__proto__":"hunter2"}}') as unknown
  expect(JSON.stringify(redactor.redactValue(value))).toBe('{"a":["[redacted]",1,null],"[redacted]":{"__proto__":"[redacted]"}}')
})
