import { Redactor, type GitRemote } from '@saddle/transport'
import { expect, it } from 'vitest'
import { remoteFailure } from './failures.ts'

const url = 'http://127.0.0.1:40165/scm/prj/app.git'
const remote = { url, http: { baseUrl: new URL(url), redactor: new Redactor() } } as unknown as GitRemote

it.each([
  [`fatal: repository '${url}/' not found`, 'NOT_FOUND'],
  [`fatal: unable to access '${url}/': The requested URL returned error: 401`, 'AUTHENTICATION_FAILED'],
  [`fatal: Authentication failed for '${url}/'`, 'AUTHENTICATION_FAILED'],
  [`fatal: unable to access '${url}/': Failed to connect`, 'NETWORK'],
])('%s', (stderr, code) => {
  expect(remoteFailure(remote, { status: 128, stderr })).toMatchObject({ code, context: { host: '127.0.0.1:40165' } })
})
