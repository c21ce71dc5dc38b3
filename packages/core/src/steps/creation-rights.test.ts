import type { AccessReport, GitHubClient } from '@saddle/github-client'
import { expect, it, vi } from 'vitest'
import { CreationRights } from './creation-rights.ts'

const reportOf = (missing: string[]): AccessReport =>
  ({ token: { valid: true }, owner: { canCreate: missing.length === 0 }, missing }) as unknown as AccessReport

it('remembers a yes for a minute and for each owner, whatever its case, and asks again for what was missing', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  let missing = ['The token may not create repositories.']
  const asked: string[] = []
  const checkAccess = async (owner: string) => {
    asked.push(owner)
    return reportOf(missing)
  }
  const rights = new CreationRights({ checkAccess } as unknown as GitHubClient)
  expect((await rights.read('acme')).missing).toHaveLength(1)
  missing = []
  await rights.read('acme')
  await rights.read('ACME')
  await rights.read('other')
  expect(asked).toEqual(['acme', 'acme', 'other'])
  vi.setSystemTime(Date.now() + 60_001)
  await rights.read('acme')
  expect(asked).toHaveLength(4)
  vi.useRealTimers()
})
