import { expect, test } from 'vitest'
import { isInsecure, parseBaseUrl } from './address.ts'

test.each([
  ['https://host', 'https://host/'],
  ['https://HOST:443/bitbucket//?x=1#y', 'https://host/bitbucket'],
  ['http://2130706433', 'http://127.0.0.1/'],
  ['http://0x7f.1', 'http://127.0.0.1/'],
  ['http://[::ffff:127.0.0.1]:7990', 'http://[::ffff:7f00:1]:7990/'],
])('%s is taken as %s', (given, expected) => {
  expect(parseBaseUrl(given, undefined).href).toBe(expected)
})

test.each([
  'file:///etc/passwd', 'gopher://host', 'ext::sh -c id', 'javascript:alert(1)', 'host', '', '/x', 'https://',
  'https://host/\r\nX-Evil: 1', 'https://ho\tst/', 'https://host/\0', 'https://user:pass@host', 'https://allowed@evil/',
])('%j is refused', (given) => {
  expect(() => parseBaseUrl(given, undefined)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', context: { option: 'baseUrl' } }))
})

test('a refusal does not repeat the credentials in the address', () => {
  expect(() => parseBaseUrl('https://jane:hunter2@host', undefined)).toThrow(/^(?!.*hunter2)/)
})

test.each(['https://allowed.evil.com', 'https://evil', 'https://allowed:8443', 'http://2852039166', 'http://[::ffff:169.254.169.254]'])(
  'with a list of hosts, %s is refused',
  (given) => {
    expect(() => parseBaseUrl(given, ['allowed', 'other:8443'])).toThrow(expect.objectContaining({ code: 'ADDRESS_NOT_ALLOWED' }))
  },
)

test.each(['https://allowed', 'https://ALLOWED:443/x', 'https://other:8443'])('with a list of hosts, %s on it is taken', (given) => {
  expect(parseBaseUrl(given, ['Allowed', 'other:8443']).protocol).toBe('https:')
})

test.each([
  ['http://host', true], ['http://10.0.0.1', true], ['http://127.evil.com', true], ['http://localhost.evil.com', true],
  ['https://host', false], ['http://localhost:7990', false], ['http://127.0.0.2', false], ['http://[::1]:80', false], ['http://a.localhost', false],
])('%s travels in clear: %s', (address, expected) => {
  expect(isInsecure(new URL(address))).toBe(expected)
})
