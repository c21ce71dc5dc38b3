import { Redactor } from '@saddle/transport'
import { describe, expect, it } from 'vitest'
import { covers, githubFailure } from './failure.ts'

const failure = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  githubFailure({
    status,
    headers,
    text: typeof body === 'string' ? body : JSON.stringify(body),
    context: { host: 'api.github.com', method: 'PUT', path: '/repos/acme/tool', status },
    redactor: new Redactor(['s3cret-token']),
  })

describe('githubFailure', () => {
  it('makes sentences of validation errors', () => {
    const error = failure(422, {
      message: 'Validation Failed',
      errors: [
        { resource: 'Repository', field: 'default_branch', code: 'missing' },
        { resource: 'Repository', code: 'custom', field: 'name', message: 'name is too long' },
        'Topics must start with a lowercase letter',
        { field: 'topics', code: 'unheard_of' },
      ],
    })
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.message).toBe(
      'GitHub does not accept the values sent to /repos/acme/tool (422): Validation Failed; Repository.default_branch does not exist; ' +
        'name is too long; Topics must start with a lowercase letter; topics is not accepted (unheard_of).',
    )
    expect(failure(422, { message: 'Nope', errors: 'odd' }).message).toMatch(/\(422\): Nope\.$/)
  })

  it.each([
    [{ resource: 'Repository', code: 'already_exists', field: 'name' }],
    [{ resource: 'Repository', code: 'custom', field: 'name', message: 'name already exists on this account' }],
  ])('knows that a name is taken by %j', (detail) => {
    expect(failure(422, { message: 'Repository creation failed.', errors: [detail] }).code).toBe('ALREADY_EXISTS')
  })

  it('tells the reasons of a 403 apart', () => {
    expect(failure(403, { message: 'Must have admin rights to Repository.' })).toMatchObject({ code: 'FORBIDDEN', retryable: false })
    expect(failure(403, { message: 'Repository was archived so is read-only.' }).message).toMatch('Unarchive it first')
    const sso = failure(403, { message: 'Resource protected by organization SAML enforcement.' }, { 'x-github-sso': 'required; url=https://github.com/orgs/acme/sso?authorization_request=AZSCKL' })
    expect(sso.message).toMatch('github.com/settings/tokens')
    expect(sso.message).not.toMatch('AZSCKL')
    const scopes = { 'x-accepted-oauth-scopes': 'delete_repo', 'x-oauth-scopes': 'repo, read:org' }
    expect(failure(403, { message: 'Must have admin rights to Repository.' }, scopes).message).toMatch('it needs delete_repo and has repo, read:org')
    expect(failure(403, { message: 'Resource not accessible by personal access token' }, { 'x-accepted-github-permissions': 'administration=write' }).message).toMatch('administration: write')
    expect(failure(403, { message: 'API rate limit exceeded' }, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' })).toMatchObject({ code: 'RATE_LIMITED', retryable: true })
  })

  it('says that a 404 can hide a missing scope', () => {
    expect(failure(404, { message: 'Not Found' }, { 'x-accepted-oauth-scopes': 'repo', 'x-oauth-scopes': '' }).message).toMatch('it needs repo and has none')
    expect(failure(404, { message: 'Not Found' }, { 'x-accepted-oauth-scopes': 'repo', 'x-oauth-scopes': 'repo' }).message).not.toMatch('lacks')
  })

  it.each([
    [401, 'AUTHENTICATION_FAILED', false],
    [404, 'NOT_FOUND', false],
    [409, 'CONFLICT', false],
    [451, 'FORBIDDEN', false],
    [500, 'UPSTREAM_ERROR', true],
    [503, 'UPSTREAM_ERROR', true],
    [418, 'PROTOCOL_ERROR', false],
  ])('%i is %s', (status, code, retryable) => {
    expect(failure(status, '<html>a proxy page</html>')).toMatchObject({ code, retryable })
  })

  it('points at the clock or the key when a signature is refused', () => {
    expect(failure(401, { message: "'Expiration time' claim ('exp') is too far in the future" }).message).toMatch('clock')
    expect(failure(401, { message: 'A JSON web token could not be decoded' }).message).toMatch('belong together')
  })

  it('does not repeat a secret that the server echoes, and keeps no cause', () => {
    const error = failure(403, { message: 'token s3cret-token is not allowed' })
    expect(JSON.stringify(error)).not.toMatch('s3cret-token')
    expect(error.message).toMatch('[redacted]')
    expect(error.cause).toBeUndefined()
  })
})

it('knows which scopes contain others', () => {
  expect(covers(['repo'], 'public_repo')).toBe(true)
  expect(covers(['public_repo'], 'repo')).toBe(false)
  expect(covers(['admin:org'], 'read:org')).toBe(true)
})
