import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from './caller.ts'
import type { SentEvent } from './events.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
let user: Caller
beforeAll(async () => {
  stage = await setStage()
  user = await stage.user()
})
afterAll(() => stage[Symbol.asyncDispose]())

let number = 0
async function seed(): Promise<string> {
  const slug = `repo-${++number}`
  await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug })
  return slug
}
const start = (slug: string, more: object = {}, headers: Record<string, string> = {}) =>
  user.post('/api/v1/migration/start', {
    source: { project: 'PRJ', repository: slug },
    target: { owner: 'acme', name: slug, description: null, visibility: 'private' },
    repository_option: 'new',
    ...more,
  }, headers)
const all = async (events: AsyncIterable<SentEvent>) => {
  const seen: SentEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

describe('starting', () => {
  it('answers 202 at once, and the repository arrives', async () => {
    const slug = await seed()
    const { status, headers, body } = await start(slug)
    expect(status).toBe(202)
    expect(body).toEqual({ migration_id: expect.any(String), status: 'pending', message: expect.any(String) })
    expect(headers.get('location')).toBe(`/api/v1/migration/status/${body.migration_id}`)
    const record = await user.finished(body.migration_id)
    expect(record).toMatchObject({ status: 'completed', percentage: 100, error: null, target: { owner: 'acme', name: slug } })
    expect(record.refs.verified).toBeGreaterThan(0)
    expect(stage.sandbox.github.repository('acme', slug)?.visibility).toBe('private')
  })

  it('needs the login to Bitbucket first, in the words of the original', async () => {
    const answer = await stage.caller().post('/api/v1/migration/start', { source: { project: 'P', repository: 'r' }, target: { owner: 'acme', name: 'r' }, repository_option: 'new' })
    expect(answer).toMatchObject({ status: 401, body: { detail: 'Missing Bitbucket credentials. Please authenticate first.' } })
  })

  it('says before it starts that source or target are not as asked', async () => {
    const slug = await seed()
    await stage.sandbox.github.createRepository({ owner: 'acme', name: slug })
    expect(await start(slug)).toMatchObject({ status: 409, body: { code: 'ALREADY_EXISTS' } })
    expect(await start(await seed(), { repository_option: 'existing' })).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    expect(await start('no-such-repository')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    expect(await start(slug, { repository_option: 'other' })).toMatchObject({ status: 422, body: { issues: [{ path: 'body.repository_option' }] } })
  })

  it('brings an existing repository up to date', async () => {
    const slug = await seed()
    await user.finished((await start(slug)).body.migration_id)
    const again = await start(slug, { repository_option: 'existing' })
    expect(again.status).toBe(202)
    expect(await user.finished(again.body.migration_id)).toMatchObject({ status: 'completed', transferred: { objects: 0 } })
  })

  it('gives the same migration for the same idempotency key, and refuses the key for another request', async () => {
    const [slug, other] = [await seed(), await seed()]
    const headers = { 'idempotency-key': 'key-1' }
    const first = await start(slug, {}, headers)
    const second = await start(slug, {}, headers)
    expect(second).toMatchObject({ status: 202, body: { migration_id: first.body.migration_id } })
    expect(await start(other, {}, headers)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } })
    await user.finished(first.body.migration_id)
    expect(await start(slug, {}, headers)).toMatchObject({ status: 202, body: { migration_id: first.body.migration_id, status: 'completed' } })
  })
})

it('takes a key that several requests bring at once as one', async () => {
  const slug = await seed()
  const answers = await Promise.all(Array.from({ length: 6 }, () => start(slug, {}, { 'idempotency-key': 'at-once' })))
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202))
  expect(new Set(answers.map(({ body }) => body.migration_id)).size).toBe(1)
  expect(await user.finished(answers[0]!.body.migration_id)).toMatchObject({ status: 'completed' })
})

describe('following', () => {
  it('sends what the contract says, in order, and ends with a final status', async () => {
    const slug = await seed()
    const { body } = await start(slug)
    const events = await all(user.events(`/api/v1/migration/status/${body.migration_id}`))
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['migration_update']))
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index + 1))
    expect(events[0]!.data).toMatchObject({ status: 'pending', progress: 0, current_step: 'Initializing', details: { message: expect.any(String) } })
    expect(events.at(-1)!.data).toMatchObject({ status: 'completed', progress: 100, current_step: 'Completing' })
    const steps = [...new Set(events.map(({ data }) => data.current_step))]
    expect(steps).toEqual(['Initializing', 'Preparing target', 'Cloning repository', 'Pushing content', 'Completing'])
    const progress = events.map(({ data }) => data.progress)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    for (let index = 1; index < events.length; index++) expect(events[index]!.data).not.toEqual(events[index - 1]!.data)
  })

  it('goes on after the last event that a reader had, without a gap', async () => {
    const slug = await seed()
    const path = `/api/v1/migration/status/${(await start(slug)).body.migration_id}`
    const events = await all(user.events(path))
    for (const after of [1, 3, events.length - 1]) {
      expect(await all(user.events(path, { after: String(after) }))).toEqual(events.slice(after))
    }
    const nothing = await user.get(path, { 'last-event-id': String(events.length), accept: 'text/event-stream' })
    expect(nothing).toMatchObject({ status: 204, body: '' })
  })

  it('shows the state as JSON to those who ask for it', async () => {
    const slug = await seed()
    const { body } = await start(slug)
    await user.finished(body.migration_id)
    const path = `/api/v1/migration/status/${body.migration_id}`
    expect((await user.get(path, { accept: 'application/json' })).body).toEqual({
      migration_id: body.migration_id,
      status: 'completed',
      progress: { percentage: 100, current_step: 'Completing', steps_completed: 5, total_steps: 5 },
      timing: { start_time: expect.stringMatching(/^\d{4}-.*Z$/), elapsed_seconds: expect.any(Number) },
      details: { message: 'Completed', error: null },
    })
  })

  it('says why a migration failed', async () => {
    const slug = await seed()
    const remove = stage.sandbox.github.rejectRefs({ name: slug, ref: /main|master/, reason: 'GH006: Protected branch update failed' })
    const { body } = await start(slug)
    const path = `/api/v1/migration/status/${body.migration_id}`
    const events = await all(user.events(path))
    remove()
    expect(events.at(-1)!.data).toMatchObject({ status: 'failed', current_step: 'Failed', details: { error: expect.stringContaining('GH006') } })
    expect((await user.get(path, { accept: 'application/json' })).body).toMatchObject({ status: 'failed', progress: { current_step: 'Failed' }, details: { error: expect.any(String) } })
  })

  it('answers the preflight of an allowed page', async () => {
    const another = await stage.another({ allowedOrigins: ['https://app.example'] })
    const response = await fetch(`${another.url}/api/v1/migration/status/x`, {
      method: 'OPTIONS', headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect(response.headers.get('access-control-allow-credentials')).toBe('true')
    // A program that asks is no page, and is told as well.
    const plain = await fetch(`${another.url}/api/v1/migration/status/x`, { method: 'OPTIONS' })
    expect([plain.status, await plain.text()]).toEqual([204, ''])
  })
})

describe('changing its course', () => {
  it('cancels what runs, and continues it on retry with the stream going on', async () => {
    const slug = await seed()
    const stalled = stage.sandbox.github.fault({ method: 'POST', path: `${slug}.git/git-receive-pack`, action: { stall: true } })
    const { body } = await start(slug)
    const path = `/api/v1/migration/status/${body.migration_id}`
    await stalled.fired
    const statusNow = async () => (await user.get(path, { accept: 'application/json' })).body.status
    expect(await user.post(`/api/v1/migration/${body.migration_id}/retry`)).toMatchObject({ status: 409 })
    expect(await statusNow()).toBe('in_progress')
    expect(await user.post(`/api/v1/migration/${body.migration_id}/cancel`)).toMatchObject({ status: 200 })
    const events = await all(user.events(path))
    expect(events.at(-1)!.data.status).toBe('cancelled')
    expect(await statusNow()).toBe('cancelled')
    expect(await user.post(`/api/v1/migration/${body.migration_id}/cancel`)).toMatchObject({ status: 409 })
    stalled.remove()
    expect(await user.post(`/api/v1/migration/${body.migration_id}/retry`)).toMatchObject({ status: 202 })
    expect(await statusNow()).not.toBe('cancelled')
    const more = await all(user.events(path, { after: events.at(-1)!.id! }))
    expect(Number(more[0]!.id)).toBe(events.length + 1)
    expect(more.at(-1)!.data).toMatchObject({ status: 'completed', progress: 100 })
  })
})

describe('the history', () => {
  it('lists the session\'s migrations, newest first, by page', async () => {
    const mine = await stage.user()
    const ids: string[] = []
    for (let index = 0; index < 3; index++) {
      const slug = await seed()
      const { body } = await mine.post('/api/v1/migration/start', { source: { project: 'PRJ', repository: slug }, target: { owner: 'acme', name: slug } })
      await mine.finished(body.migration_id)
      ids.unshift(body.migration_id)
    }
    const first = (await mine.get('/api/v1/migration/history?limit=2')).body
    expect(first.migrations.map((one: any) => one.migration_id)).toEqual(ids.slice(0, 2))
    const second = (await mine.get(`/api/v1/migration/history?limit=2&cursor=${encodeURIComponent(first.cursor)}`)).body
    expect(second).toMatchObject({ migrations: [{ migration_id: ids[2] }], cursor: null })
    expect((await mine.get('/api/v1/migration/history?status=failed')).body.migrations).toEqual([])
    expect((await mine.get('/api/v1/migration/history?project=prj&owner=ACME')).body.migrations).toHaveLength(3)
    expect(await mine.get('/api/v1/migration/history?cursor=nonsense')).toMatchObject({ status: 422 })
  })

  it('keeps a log for people and for programs', async () => {
    const slug = await seed()
    const { body } = await start(slug)
    await user.finished(body.migration_id)
    const text = await user.get(`/api/v1/migration/history/${body.migration_id}/log`)
    expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(text.body).toMatch(new RegExp(`^\\S+Z INFO  Starting: PRJ/${slug} to acme/${slug}\n[^]*INFO  Migration completed after \\d+ ms\n$`))
    const json = await user.get(`/api/v1/migration/history/${body.migration_id}/log`, { accept: 'application/x-ndjson' })
    const events = json.body.trim().split('\n').map((line: string) => JSON.parse(line))
    expect(events.map((event: any) => event.seq)).toEqual(events.map((_: unknown, index: number) => index + 1))
    expect(events.at(-1)).toMatchObject({ type: 'migration-end', status: 'completed' })
  })

  it('is nobody else\'s', async () => {
    const { body } = await start(await seed())
    await user.finished(body.migration_id)
    const other = await stage.user()
    for (const path of [`status/${body.migration_id}`, `history/${body.migration_id}`, `history/${body.migration_id}/log`]) {
      expect(await other.get(`/api/v1/migration/${path}`)).toMatchObject({ status: 404, body: { detail: 'This migration does not exist.' } })
      expect(await stage.caller().get(`/api/v1/migration/${path}`)).toMatchObject({ status: 401 })
    }
    for (const verb of ['cancel', 'retry']) expect(await other.post(`/api/v1/migration/${body.migration_id}/${verb}`)).toMatchObject({ status: 404 })
    expect((await other.get('/api/v1/migration/history')).body.migrations).toEqual([])
  })
})

describe('the access to GitHub', () => {
  it('says separately what the token may do', async () => {
    const slug = await seed()
    await stage.sandbox.github.createRepository({ owner: 'acme', name: slug })
    const path = `/api/v1/migration/test-github-access?owner=acme&repo=${slug}`
    expect((await user.post(path)).body).toMatchObject({ status: 'success', token: { valid: true, login: 'admin' }, read_access: true, push_access: true, missing: [] })
    stage.sandbox.github.createUser({ login: 'reader' })
    stage.sandbox.github.setCollaborator('acme', slug, 'reader', 'pull')
    const token = stage.sandbox.github.createToken({ user: 'reader', scopes: ['repo'] })
    const reader = await user.post('/api/v1/migration/test-github-access', { owner: 'acme', repo: slug }, { 'x-github-token': token })
    expect(reader.body).toMatchObject({ status: 'failed', token: { valid: true, login: 'reader' }, read_access: true, push_access: false })
    expect(reader.body.missing).not.toEqual([])
    const unseen = await user.post('/api/v1/migration/test-github-access?owner=acme&repo=not-there')
    expect(unseen.body).toMatchObject({ status: 'failed', repository: { exists: false }, missing: [expect.stringContaining('no repository acme/not-there')] })
    const nobody = await user.post(path, undefined, { 'x-github-token': 'ghp_unknown' })
    expect(nobody.body).toMatchObject({ status: 'failed', token: { valid: false }, read_access: false, push_access: false })
    expect(await user.post('/api/v1/migration/test-github-access?owner=acme')).toMatchObject({ status: 422, body: { issues: [{ path: 'query.repo' }] } })
  })
})
