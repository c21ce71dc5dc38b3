import { expect, it, vi } from 'vitest'
import { IsomorphicBackend } from './isomorphic.ts'
import type { GitTransfer } from './backend.ts'
import manifest from '../../package.json' with { type: 'json' }

// As where the optional peer was never installed.
vi.mock('isomorphic-git', () => {
  throw Object.assign(new Error("Cannot find package 'isomorphic-git'"), { code: 'ERR_MODULE_NOT_FOUND' })
})

it('says what to install where isomorphic-git is not, before it asks anybody', async () => {
  const nothing = new Proxy({}, { get: (_, name) => expect.unreachable(String(name)) }) as GitTransfer
  await expect(new IsomorphicBackend().transfer(nothing)).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE', retryable: false, message: expect.stringContaining(`npm install isomorphic-git@${manifest.peerDependencies['isomorphic-git']}`),
  })
})
