import type { BitbucketClient } from '@saddle/bitbucket-client'
import { SafeEmitter, type HttpEvents } from '@saddle/transport'
import { expect, it } from 'vitest'
import type { ProgressEventBody } from './events.ts'
import { ClientNotices } from './notices.ts'
import { sampleRecord } from './store/sample.ts'

class Client extends SafeEmitter<HttpEvents> {
  override emit<Name extends keyof HttpEvents>(name: Name, event: HttpEvents[Name]): boolean {
    return super.emit(name, event)
  }
}

function listeners(...slugs: string[]) {
  const client = new Client()
  const notices = new ClientNotices([client as unknown as BitbucketClient])
  const heard: Record<string, string[]> = {}
  for (const slug of slugs) {
    const request = { ...sampleRecord(slug).request, source: { project: 'PRJ', repository: slug } }
    heard[slug] = []
    notices.listen({ request, report: (event: ProgressEventBody) => void (event.type === 'message' && heard[slug]!.push(event.text)) })
  }
  return { client, heard }
}

it('tells of a retry the migration of that repository, and not of one whose name only begins like it', () => {
  const { client, heard } = listeners('app', 'app-2', 'app2')
  const retry = { method: 'GET', host: 'host:1', attempt: 1, waitMs: 500, code: 'UPSTREAM_ERROR' }
  client.emit('retry', { ...retry, path: '/rest/api/latest/projects/PRJ/repos/app2/labels', message: 'host:1 failed (503).' })
  client.emit('retry', { ...retry, path: '/scm/prj/app.git/git-upload-pack', message: 'It was reset.' })
  expect(heard).toEqual({ app: ['host:1: It was reset. Trying again in 0.5 s.'], 'app-2': [], app2: ['host:1 failed (503). Trying again in 0.5 s.'] })
})

it('tells everybody of a wait, with its reason', () => {
  const { client, heard } = listeners('one', 'two')
  client.emit('throttle', { host: 'api.github.com', reason: 'creation', waitMs: 7200 })
  client.emit('throttle', { host: 'api.github.com', reason: 'told', waitMs: 30_000 })
  client.emit('throttle', { host: 'api.github.com', reason: 'points', waitMs: 20 })
  expect(heard['one']).toEqual([
    'Waiting 8 s: api.github.com lets only so many repositories be created in a minute and in an hour.', 'Waiting 30 s: api.github.com asked for it.',
  ])
  expect(heard['two']).toEqual(heard['one'])
})
