import { describe, expect, test } from 'vitest'
import { all, answering, exception, failureOf, rehearse } from './support.ts'

// Answers that were recorded on servers of other versions, which the sandbox does not play.

describe('default branch', () => {
  test.each([
    ['404 since there is none', { 'default-branch': [404, exception('repository.NoDefaultBranchException')] }, undefined],
    ['204', { 'default-branch': [204] }, undefined],
    ['409 of an empty repository', { 'default-branch': [409, exception('repository.EmptyRepositoryException')] }, undefined],
    ['older resource', { 'default-branch': [404], 'branches/default': [200, { id: 'refs/heads/main', displayId: 'main' }] }, 'refs/heads/main'],
    ['older resource, 204', { 'default-branch': [404], 'branches/default': [204] }, undefined],
    ['older resource, 404', { 'default-branch': [404], 'branches/default': [404, exception('repository.NoDefaultBranchException')] }, undefined],
  ] as const)('%s', async (_name, answers: Record<string, readonly [number, object?]>, expected) => {
    const server = await answering(({ url }, response) => {
      const [status, body] = answers[url.replace('/rest/api/latest/projects/P/repos/x/', '')]!
      response.statusCode = status
      return body
    })
    expect(await rehearse(server).defaultBranch('P', 'x')).toBe(expected)
  })

  test('a missing repository is an error, not none', async () => {
    const server = await answering((_, response) => {
      response.statusCode = 404
      return exception('repository.NoSuchRepositoryException')
    })
    expect((await failureOf(rehearse(server).defaultBranch('P', 'x'))).code).toBe('NOT_FOUND')
    expect(server.seen).toHaveLength(1)
  })
})

test('a repository of an old server: no archived flag, no description, a size, unknown fields', async () => {
  const server = await answering(() => ({
    slug: 'x', id: 1, name: 'X', description: null, size: 4096, statusMessage: 'Available', project: { key: 'P', id: 1 }, extra: { deep: [1] },
    links: { clone: [{ href: 'ssh://git@host:7999/p/x.git', name: 'ssh' }] },
  }))
  expect(await rehearse(server).repository('P', 'x')).toEqual({
    projectKey: 'P', slug: 'x', name: 'X', description: undefined, size: 4096, archived: false, public: false, forkable: true,
    origin: undefined, personal: false, state: 'AVAILABLE', cloneUrl: undefined,
  })
})

test('branches with the flag as it is described, and as it is sent', async () => {
  const branch = (name: string, more: object) => ({ id: `refs/heads/${name}`, displayId: name, latestCommit: '0'.repeat(40), ...more })
  const server = await answering(() => ({ values: [branch('a', { isDefault: true }), branch('b', { default: true }), branch('c', {})], isLastPage: true }))
  expect((await all(rehearse(server).branches('P', 'x'))).map(({ isDefault }) => isDefault)).toEqual([true, true, false])
})

test.each([
  [1_704_067_200_000, '2024-01-01T00:00:00.000Z'], ['2024-01-01T02:00:00+0200', '2024-01-01T00:00:00.000Z'],
  ['2024-01-01T00:00:00.000Z', '2024-01-01T00:00:00.000Z'],
])('a time sent as %s', async (committerTimestamp, expected) => {
  const server = await answering(() => ({ values: [{ id: 'c', authorTimestamp: 0, committerTimestamp }], isLastPage: true }))
  expect((await rehearse(server).lastCommit('P', 'x'))?.date.toISOString()).toBe(expected)
})

test('a time that is none is an error', async () => {
  const server = await answering(() => ({ values: [{ id: 'c', authorTimestamp: 'yesterday' }], isLastPage: true }))
  expect((await failureOf(rehearse(server).lastCommit('P', 'x'))).code).toBe('PROTOCOL_ERROR')
})

test('a server that knows no labels has none', async () => {
  const server = await answering((_, response) => void (response.statusCode = 404))
  expect(await rehearse(server).labels('P', 'x')).toEqual([])
})

test('a user name that is not encoded is taken as it is', async () => {
  const server = await answering((_, response) => {
    response.setHeader('x-ausername', 'has%weird')
    return { values: [], isLastPage: true }
  })
  expect(await rehearse(server).whoAmI()).toBe('has%weird')
})

test('a server that does not name the user is no error', async () => {
  const server = await answering(() => ({ values: [], isLastPage: true }))
  expect(await rehearse(server).whoAmI()).toBeUndefined()
})

describe('size', () => {
  const auth = { username: 'jane', password: 'password' }

  test.each([
    ['a refused login', 401, exception('auth.IncorrectPasswordAuthenticationException')],
    ['a CAPTCHA', 403, exception('auth.CaptchaRequiredAuthenticationException')],
    ['a login page', 302, undefined],
  ])('%s makes it unknown, and is not asked for twice, also by those who ask at the same time', async (_name, status, body) => {
    const server = await answering((_, response) => {
      response.statusCode = status
      if (status === 302) response.setHeader('location', '/login')
      return body
    })
    const client = rehearse(server, { auth })
    expect(await Promise.all(Array.from({ length: 8 }, (_, i) => client.size('P', `x${i}`)))).toEqual(Array(8).fill(undefined))
    expect(await client.size('P', 'x')).toBeUndefined()
    expect(server.seen).toEqual(['GET /projects/P/repos/x0/sizes'])
  })

  test('a repository that may not be read is unknown by itself', async () => {
    const server = await answering(({ url }, response) => {
      if (!url.includes('secret')) return { repository: 5 }
      response.statusCode = 401
      return exception('AuthorisationException')
    })
    const client = rehearse(server, { auth })
    expect(await client.size('P', 'secret')).toBeUndefined()
    expect(await client.size('P', 'x')).toEqual({ repository: 5, attachments: 0 })
  })

  test('a server without it is unknown', async () => {
    const server = await answering((_, response) => void (response.statusCode = 404))
    expect(await rehearse(server, { auth }).size('P', 'x')).toBeUndefined()
  })

  test.each(['BBDC-MDM0MjM5NDc2MDxxabcdef', Buffer.from(`034239476052:${'x'.repeat(20)}`).toString('base64')])(
    'a token given as the password is known for one: %s', async (password) => {
      const server = await answering(() => ({ repository: 5 }))
      expect(await rehearse(server, { auth: { username: 'jane', password } }).size('P', 'x')).toBeUndefined()
      expect(server.seen).toEqual([])
    },
  )
})

describe('Git LFS', () => {
  const asked = async (status: number, body?: object) => {
    const server = await answering((_, response) => {
      response.statusCode = status
      return body
    })
    const client = rehearse(server, { auth: { username: 'jane', password: 'password' } })
    const result: unknown = await client.lfsEnabled('P', 'x').catch((error: unknown) => (error as { code: string }).code)
    expect(server.seen).toEqual(['GET /rest/git-lfs/admin/projects/P/repos/x/enabled'])
    return result
  }

  test('is on, is off, or cannot be known', async () => {
    expect(await asked(200)).toBe(true)
    expect(await asked(204)).toBe(true)
    expect(await asked(404)).toBe(false)
    expect(await asked(404, exception('NoSuchObjectException'))).toBe(false)
    expect(await asked(401, exception('AuthorisationException'))).toBeUndefined()
    expect(await asked(401, exception('auth.IncorrectPasswordAuthenticationException'))).toBe('AUTHENTICATION_FAILED')
    expect(await asked(404, exception('repository.NoSuchRepositoryException'))).toBe('NOT_FOUND')
  })

  test('is not asked about with a token, which never may know', async () => {
    const server = await answering(() => ({}))
    expect(await rehearse(server, {}).lfsEnabled('P', 'x')).toBeUndefined()
    expect(server.seen).toEqual([])
  })
})
