import { expect, test } from 'vitest'
import { Metrics } from '../src/index.ts'
import { setStage } from './stage.ts'

/** The sum of a metric's values whose labels are all there. */
function sum(text: string, name: string, ...labels: string[]): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)
}

test('nothing is served unless it was asked for', async () => {
  await using stage = await setStage()
  expect((await stage.caller().get('/metrics')).status).toBe(404)
})

test('what happens is counted, without names and secrets', async () => {
  const metrics = new Metrics()
  await using stage = await setStage({ server: { metrics } })
  await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug: 'hush-hush', seed: { commits: 3 } })
  const user = await stage.user()
  const { body } = await user.post('/api/v1/migration/start', {
    source: { project: 'PRJ', repository: 'hush-hush' }, target: { owner: 'acme', name: 'hush-hush' }, repository_option: 'new',
  })
  const path = `/api/v1/migration/status/${body.migration_id}`
  await (await user.fetch(path, { headers: { accept: 'text/event-stream' } })).text()
  expect((await user.get(path, { accept: 'application/json' })).body.status).toBe('completed')
  await user.get('/nothing-here')
  // Counted when the job is done with, which is a moment after its end is told.
  await expect.poll(async () => sum(await metrics.text(), 'saddle_pack_bytes_total')).toBeGreaterThan(0)

  const { status, headers, body: text } = await stage.caller().get('/metrics')
  expect([status, headers.get('content-type')]).toEqual([200, metrics.contentType])
  expect(sum(text, 'saddle_migration_runs_total', 'status="completed"')).toBe(1)
  expect(sum(text, 'saddle_step_duration_seconds_count', 'step="transfer-git"', 'outcome="done"')).toBe(1)
  expect(sum(text, 'saddle_http_client_request_duration_seconds_count', 'server="bitbucket"', 'method="GET"')).toBeGreaterThan(2)
  expect(sum(text, 'saddle_http_client_request_duration_seconds_count', 'server="github"', 'method="POST"', 'status="201"')).toBe(1)
  expect(sum(text, 'saddle_http_server_request_duration_seconds_count', 'route="/api/v1/migration/start"', 'status="202"')).toBe(1)
  expect(sum(text, 'saddle_http_server_request_duration_seconds_count', 'route="unknown"', 'status="404"')).toBe(1)
  for (const hidden of [stage.sandbox.github.token, 'hush-hush', 'acme']) expect(text).not.toContain(hidden)
})
