import { readFileSync } from 'node:fs'
import { lossKinds } from '@saddle/core'
import { expect, test } from 'vitest'

test('the guide on what migrates has a row for every kind of loss, and for no other', () => {
  const guide = readFileSync(new URL('what-migrates.md', import.meta.url), 'utf8')
  const section = guide.slice(guide.indexOf('## What does not'), guide.indexOf('## What is in the way'))
  expect([...section.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, kind]) => kind).sort()).toEqual([...lossKinds].sort())
})
