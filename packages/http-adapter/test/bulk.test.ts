import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from './caller.ts'
import type { SentEvent } from './events.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
let user: Caller
beforeAll(async () => {
  stage = await setStage({ server: { concurrency: 2 } })
  user = await stage.user()
  await Promise.all(['one', 'two', 'three', 'four', 'My-App'].map((slug) => stage.sandbox.bitbucket.createRepository({ project: 'BULK', slug })))
})
afterAll(() => stage[Symbol.asyncDispose]())

const start = (repositories: string[], more: object = {}) =>
  user.post('/api/v1/migration/bulk/start', { source_project: 'BULK', source_repositories: repositories, target_owner: 'acme', visibility: 'private', ...more })
const follow = async (id: string, after?: string): Promise<SentEvent[]> => {
  const seen: SentEvent[] = []
  for await (const event of user.events(`/api/v1/migration/bulk/${id}/events`, after === undefined ? {} : { after })) seen.push(event)
  return seen
}

/** The counts, of which the contract says that they add up. */
const sum = ({ completed, failed, in_progress, pending, cancelled }: any) => completed + failed + in_progress + pending + cancelled

describe('a bulk migration', () => {
  it('moves all of them, and one failure stops no other', async () => {
    const remove = stage.sandbox.github.rejectRefs({ name: 'two', ref: /./, reason: 'GH013: Repository rule violations found' })
    const { status, body, headers } = await start(['one', 'two', 'three'], { bulk_migration_id: 'migration123' })
    expect({ status, body }).toEqual({ status: 202, body: { bulk_migration_id: 'migration123', status: 'pending', message: expect.any(String), total_repositories: 3 } })
    expect(headers.get('location')).toBe('/api/v1/migration/bulk/migration123/status')
    const events = await follow('migration123')
    remove()
    for (const { event, data } of events) {
      expect(event).toBe('bulk_update')
      expect(sum(data)).toBe(3)
    }
    expect(Object.keys(events[0]!.data.repositories).toSorted()).toEqual(['one', 'three', 'two'])
    const ids = events.map(({ id }) => Number(id))
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
    const { body: end } = await user.get('/api/v1/migration/bulk/migration123/status')
    expect(end).toMatchObject({
      bulk_migration_id: 'migration123', status: 'failed', total_repositories: 3, completed: 2, failed: 1, in_progress: 0, pending: 0,
      start_time: expect.stringMatching(/Z$/), elapsed_time: expect.any(Number),
      repositories: {
        one: { status: 'completed', current_step: 'Completing', total_progress: 100, steps_completed: 5, total_steps: 5, error: null },
        two: { status: 'failed', current_step: 'Failed', error: expect.stringContaining('GH013') },
      },
    })
    expect(events.at(-1)!.data).toMatchObject({ status: 'failed', completed: 2, failed: 1 })
  })

  it('tries again only what failed, and its followers go on where they were', async () => {
    const last = (await follow('migration123')).at(-1)!.id!
    expect(await user.get('/api/v1/migration/bulk/migration123/events', { 'last-event-id': last })).toMatchObject({ status: 204 })
    const before = (await user.get('/api/v1/migration/bulk/migration123/report')).body
    expect(await user.post('/api/v1/migration/bulk/migration123/retry')).toMatchObject({ status: 202, body: { total_repositories: 1 } })
    const events = await follow('migration123', last)
    expect(new Set(events.flatMap(({ data }) => Object.keys(data.repositories)))).toEqual(new Set(['two']))
    const after = (await user.get('/api/v1/migration/bulk/migration123/report')).body
    expect(after).toMatchObject({ status: 'completed', completed: 3, failed: 0, overall_progress: 100 })
    const attempts = (report: any) => Object.fromEntries(report.repositories.map((one: any) => [one.source, one.attempts]))
    expect(attempts(after)).toEqual({ ...attempts(before), 'BULK/two': 2 })
    expect(await user.post('/api/v1/migration/bulk/migration123/retry')).toMatchObject({ status: 409 })
  })

  it('refuses an id in use, duplicates, and names that collide, before anything starts', async () => {
    expect(await start(['one'], { bulk_migration_id: 'migration123' })).toMatchObject({ status: 409, body: { code: 'CONFLICT' } })
    expect(await start(['four', 'four'])).toMatchObject({ status: 422, body: { code: 'INVALID_INPUT', detail: expect.stringContaining('BULK/four') } })
    expect(await start(['four', 'no-such'])).toMatchObject({ status: 422, body: { detail: expect.stringContaining('BULK/no-such') } })
    await stage.sandbox.github.createRepository({ owner: 'acme', name: 'seven' })
    await stage.sandbox.bitbucket.createRepository({ project: 'BULK', slug: 'seven' })
    expect(await start(['four', 'seven'])).toMatchObject({ status: 422, body: { detail: expect.stringContaining('acme/seven exists already') } })
    expect(await start([])).toMatchObject({ status: 422 })
    expect(stage.sandbox.github.repository('acme', 'four')).toBeUndefined()
  })

  it('is cancelled as a whole', async () => {
    const stalled = stage.sandbox.github.fault({ method: 'POST', path: /(four|my-app)\.git\/git-receive-pack/i, times: 2, action: { stall: true } })
    const { body } = await start(['four', 'My-App'])
    await stalled.fired
    expect(await user.post(`/api/v1/migration/bulk/${body.bulk_migration_id}/retry`)).toMatchObject({ status: 409 })
    expect(await user.post(`/api/v1/migration/bulk/${body.bulk_migration_id}/cancel`)).toMatchObject({ status: 200 })
    const events = await follow(body.bulk_migration_id)
    stalled.remove()
    expect(events.at(-1)!.data).toMatchObject({ status: 'cancelled', cancelled: 2, completed: 0 })
    expect(await user.post(`/api/v1/migration/bulk/${body.bulk_migration_id}/cancel`)).toMatchObject({ status: 409 })
  })

  it('is reported as a table for programs and for people', async () => {
    const csv = await user.get('/api/v1/migration/bulk/migration123/report', { accept: 'text/csv' })
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(csv.body.split('\r\n')[0]).toMatch(/^source,target,url,status,attempts,/)
    expect(csv.body).toMatch(/^BULK\/one,acme\/one,http[^,]*,completed,1,/m)
    const html = await user.get('/api/v1/migration/bulk/migration123/report?format=html')
    expect(html.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(html.body).toMatch(/^<!doctype html>[^]*BULK\/one[^]*<\/html>\s*$/i)
    expect(html.body).not.toContain('<script')
  })

  it('is nobody else\'s', async () => {
    const other = await stage.user()
    for (const path of ['status', 'events', 'report']) expect(await other.get(`/api/v1/migration/bulk/migration123/${path}`)).toMatchObject({ status: 404 })
    for (const verb of ['cancel', 'retry']) expect(await other.post(`/api/v1/migration/bulk/migration123/${verb}`)).toMatchObject({ status: 404 })
    expect((await other.get('/api/v1/migration/bulk')).body).toEqual({ bulk_migrations: [], cursor: null })
    expect((await user.get('/api/v1/migration/bulk?limit=1')).body.bulk_migrations).toHaveLength(1)
    expect(await stage.caller().post('/api/v1/migration/bulk/start', { source_project: 'BULK', source_repositories: ['one'], target_owner: 'acme' })).toMatchObject({
      status: 401, body: { detail: 'Missing Bitbucket credentials. Please authenticate first.' },
    })
  })
})
