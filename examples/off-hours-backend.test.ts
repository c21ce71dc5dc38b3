import { RelayBackend, type GitBackend, type GitTransfer, type TransferProgress } from '@saddle/core'
import { expect, test } from 'vitest'
// @ts-expect-error it is plain JavaScript
import { OffHoursBackend as Untyped } from './off-hours-backend.mjs'

const OffHoursBackend = Untyped as new (inner: GitBackend, hours: { from: number; to: number; hour: () => number }) => GitBackend

// What it does at night is the contract's, which packages/core/test/git-backends.test.ts holds it to.
test('by day it waits, and a wait ends when it is cancelled', async () => {
  const backend = new OffHoursBackend(new RelayBackend(), { from: 20, to: 6, hour: () => 12 })
  const controller = new AbortController()
  const said: TransferProgress[] = []
  const waiting = backend.transfer({} as GitTransfer, {
    signal: controller.signal,
    onProgress: (progress) => {
      said.push(progress)
      controller.abort()
    },
  })
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
  expect(said).toEqual([{ phase: 'counting', bytes: 0, objects: 0, message: 'Waiting until 20:00' }])
})
