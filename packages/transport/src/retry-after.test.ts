import { expect, test } from 'vitest'
import { parseRetryAfter } from './retry-after.ts'

const now = Date.UTC(1994, 10, 6, 8, 49, 0)

test.each([
  ['0', 0],
  ['120', 120_000],
  [' 7 ', 7000],
  ['Sun, 06 Nov 1994 08:49:37 GMT', 37_000],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 37_000],
  ['Sun Nov  6 08:49:37 1994', 37_000],
  ['Sun, 06 Nov 1994 08:48:00 GMT', 0],
])('%s is %i ms', (header, expected) => {
  expect(parseRetryAfter(header, now)).toBe(expected)
})

test.each([undefined, null, '', '-1', '1.5', 'soon', '2024', '12345678901', '9'.repeat(400), 'Sun, 99 Nov 1994 99:49:37 GMT'])(
  '%s is nothing to go by',
  (header) => {
    expect(parseRetryAfter(header === '2024' ? '2024-01-01' : header, now)).toBeUndefined()
  },
)
