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

it('asks once for all who ask at the same time, and again when the one who asked was cancelled', async () => {
  const asked: AbortSignal[] = []
  const answers: (() => void)[] = []
  const checkAccess = (_owner: string, _name: undefined, { signal }: { signal: AbortSignal }) => {
    asked.push(signal)
    return new Promise<AccessReport>((resolve, reject) => {
      answers.push(() => resolve(reportOf([])))
      signal.addEventListener('abort', () => reject(new Error('cancelled')))
    })
  }
  const rights = new CreationRights({ checkAccess } as unknown as GitHubClient)
  const first = new AbortController()
  const others = new AbortController()
  const cancelled = rights.read('acme', { signal: first.signal })
  const [second, third] = [rights.read('acme', { signal: others.signal }), rights.read('Acme', { signal: others.signal })]
  expect(asked).toEqual([first.signal])
  first.abort()
  await expect(cancelled).rejects.toThrow('cancelled')
  await vi.waitFor(() => expect(answers.length).toBeGreaterThan(1))
  answers.forEach((answer) => answer())
  expect((await Promise.all([second, third])).map(({ missing }) => missing)).toEqual([[], []])
})
