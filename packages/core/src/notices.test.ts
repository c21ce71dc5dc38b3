import type { BitbucketClient } from '@saddle/bitbucket-client'
import { SafeEmitter, type HttpEvents } from '@saddle/transport'
import { expect, it } from 'vitest'
import { ClientNotices } from './notices.ts'
import { sampleRecord } from './store/sample.ts'

class Client extends SafeEmitter<HttpEvents> {
  tell<Name extends keyof HttpEvents>(name: Name, event: HttpEvents[Name]): void {
    this.emit(name, event)
  }
}

/** Runs of these repositories that hear what the client tells meanwhile. */
async function hearing(slugs: readonly string[], work: (client: Client) => void): Promise<string[]> {
  const client = new Client()
  const notices = new ClientNotices([client as unknown as BitbucketClient])
  const heard: string[] = []
  let begin = (): void => undefined
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const runs = slugs.map((slug) => {
    const request = { ...sampleRecord(slug).request, source: { project: 'PRJ', repository: slug }, target: { ...sampleRecord(slug).request.target, owner: 'acme', name: slug } }
    return notices.during({ request, report: (event) => void (event.type === 'message' && heard.push(`${slug}: ${event.text}`)) }, () => begun)
  })
  work(client)
  begin()
  await Promise.all(runs)
  return heard.sort()
}

const retry = { method: 'GET', host: 'host:1', attempt: 1, waitMs: 500, code: 'UPSTREAM_ERROR', message: 'It was reset.' }
const creation = { host: 'api.github.com', path: '/orgs/acme/repos', reason: 'creation', waitMs: 7200 } as const

it('tells of retries and waits the run whose repository the request names, and not one whose name only begins like it', async () => {
  const heard = await hearing(['app', 'app-2', 'app2', 'App-3'], (client) => {
    client.tell('retry', { ...retry, path: '/rest/api/latest/projects/PRJ/repos/app2/labels', message: 'host:1 failed (503).' })
    client.tell('retry', { ...retry, path: '/scm/prj/app.git/git-upload-pack' })
    client.tell('throttle', { ...creation, about: 'acme/app-2' })
    client.tell('throttle', { ...creation, path: '/repos/acme/app-3', reason: 'points', waitMs: 30_000 })
    client.tell('throttle', { ...creation, path: '/repos/acme/app', reason: 'points', waitMs: 20 })
  })
  expect(heard).toEqual([
    'App-3: Waiting 30 s: api.github.com takes only so many requests in a time.',
    'app-2: Waiting 8 s: api.github.com lets only so many repositories be created in a minute and in an hour.',
    'app2: host:1 failed (503). Trying again in 0.5 s.',
    'app: host:1: It was reset. Trying again in 0.5 s.',
  ])
})

it('tells everybody of a request that names no repository', async () => {
  const token = { ...creation, path: '/app/installations/7/access_tokens', reason: 'told' } as const
  const heard = await hearing(['one', 'two'], (client) => client.tell('throttle', token))
  expect(heard).toEqual(['one', 'two'].map((slug) => `${slug}: Waiting 8 s: api.github.com asked for it.`))
})

it('listens while runs are under way, also when one fails, and no longer', async () => {
  const client = new Client()
  const notices = new ClientNotices([client as unknown as BitbucketClient])
  const { request } = sampleRecord('one')
  const listening = () => client.listenerCount('retry') + client.listenerCount('throttle')
  const counts = [listening()]
  await Promise.allSettled([
    notices.during({ request, report: () => undefined }, () => Promise.reject(new Error('failed'))),
    notices.during({ request, report: () => undefined }, async () => {
      counts.push(listening())
    }),
  ])
  expect([...counts, listening()]).toEqual([0, 2, 0])
})
