import type { BitbucketClient } from '@saddle/bitbucket-client'
import { SafeEmitter, type HttpEvents } from '@saddle/transport'
import { expect, it } from 'vitest'
import type { ProgressEventBody } from './events.ts'
import { ClientNotices } from './notices.ts'

class Client extends SafeEmitter<HttpEvents> {
  /** Emits as a request does: some time after it was made, in its own context. */
  async tell<Name extends keyof HttpEvents>(name: Name, event: HttpEvents[Name]): Promise<void> {
    await Promise.resolve()
    this.emit(name, event)
  }
}

function parts() {
  const client = new Client()
  const heard: string[] = []
  const report = (who: string) => (event: ProgressEventBody) => void (event.type === 'message' && heard.push(`${who}: ${event.text}`))
  return { client, notices: new ClientNotices([client as unknown as BitbucketClient]), heard, report }
}
const retry = { method: 'POST', host: 'host:1', path: '/orgs/acme/repos', attempt: 1, waitMs: 500, code: 'UPSTREAM_ERROR' }
const throttle = { host: 'api.github.com', reason: 'creation', waitMs: 7200 } as const

it('tells of retries and waits the run that made the request, and no other', async () => {
  const { client, notices, heard, report } = parts()
  await Promise.all([
    notices.during(report('one'), async () => {
      await client.tell('throttle', throttle)
      await client.tell('throttle', { ...throttle, reason: 'points', waitMs: 20 })
    }),
    notices.during(report('two'), () => client.tell('retry', { ...retry, message: 'host:1 failed (503).' })),
    notices.during(report('three'), () => client.tell('retry', { ...retry, message: 'It was reset.' })),
    notices.during(report('four'), () => client.tell('throttle', { ...throttle, reason: 'told', waitMs: 30_000 })),
    // Not of a run.
    client.tell('throttle', throttle),
  ])
  expect(heard.sort()).toEqual([
    'four: Waiting 30 s: api.github.com asked for it.',
    'one: Waiting 8 s: api.github.com lets only so many repositories be created in a minute and in an hour.',
    'three: host:1: It was reset. Trying again in 0.5 s.',
    'two: host:1 failed (503). Trying again in 0.5 s.',
  ])
})

it('listens while runs are under way, also when one fails, and no longer', async () => {
  const { client, notices, report } = parts()
  const listening = () => client.listenerCount('retry') + client.listenerCount('throttle')
  const counts = [listening()]
  await Promise.allSettled([
    notices.during(report('one'), () => Promise.reject(new Error('failed'))),
    notices.during(report('two'), async () => {
      counts.push(listening())
    }),
  ])
  expect([...counts, listening()]).toEqual([0, 2, 0])
})
