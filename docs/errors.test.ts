import { readFileSync } from 'node:fs'
import { errorCodes, SaddleError } from '@saddle/transport'
import { expect, test } from 'vitest'

const guide = readFileSync(new URL('errors.md', import.meta.url), 'utf8')
const rows = [...guide.matchAll(/^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (yes|no) \|$/gm)]

test('the guide has every code once, in the order of the source, with whether another try can help', () => {
  expect(rows.map(([, code]) => code)).toEqual(errorCodes)
  for (const code of errorCodes) {
    const row = rows.find(([, name]) => name === code)
    expect([code, row?.[4]]).toEqual([code, new SaddleError(code, '').retryable ? 'yes' : 'no'])
  }
})

test('the guide names every field of the context, and no other', () => {
  const everything = Object.fromEntries([...guide.matchAll(/`(\w+)`/g)].map(([, name]) => [name, 1]))
  const kept = Object.keys(new SaddleError('INTERNAL', '', { context: everything }).context)
  const listed = /`context` has.*?`host`.*?where it applies/s.exec(guide)![0]
  expect([...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name).slice(1).sort()).toEqual(kept.sort())
})
