import { once } from 'node:events'
import { connect } from 'node:net'
import { MemoryStore, type ProgressEvent } from '@saddle/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from './caller.ts'
import type { SentEvent } from './events.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
let user: Caller
let store: MemoryStore
beforeEach(async () => {
  store = new MemoryStore()
  stage = await setStage({ server: { store, streams: { perSession: 3, heartbeatMs: 50 } } })
  user = await stage.user()
})
afterEach(async () => {
  await stage[Symbol.asyncDispose]()
  await store.close()
})

/** A migration that waits in its push, so that its streams stay open. */
async function running(slug = 'repo'): Promise<{ id: string; path: string; finish: () => void }> {
  await stage.sandbox.bitbucket.createRepository({ project: 'PRJ', slug })
  let goOn = () => {}
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const held = stage.sandbox.github.fault({ method: 'POST', path: `${slug}.git/git-receive-pack`, action: { before: () => gate } })
  const { body } = await user.post('/api/v1/migration/start', { source: { project: 'PRJ', repository: slug }, target: { owner: 'acme', name: slug } })
  await held.fired
  const id = body.migration_id as string
  return {
    id,
    path: `/api/v1/migration/status/${id}`,
    finish: goOn,
  }
}

const rest = async (events: AsyncGenerator<SentEvent>) => {
  const seen: SentEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

describe('streams', () => {
  it('are bounded in number for each session, and another session has its own', async () => {
    const { path, finish } = await running()
    const open = [1, 2, 3].map(() => user.events(path))
    for (const stream of open) await stream.next()
    const refused = await user.get(path, { accept: 'text/event-stream' })
    expect(refused).toMatchObject({ status: 429, body: { code: 'TOO_MANY_STREAMS' } })
    expect(refused.headers.get('retry-after')).not.toBeNull()
    await open[0]!.return(undefined)
    await expect.poll(async () => (await user.get(`${path}x`, { accept: 'text/event-stream' })).status).toBe(404)
    const again = user.events(path)
    await expect.poll(() => again.next().then(({ value }) => (value as SentEvent).event, () => 'refused')).toBe('migration_update')
    finish()
    await Promise.all([...open.slice(1), again].map(rest))
  })

  it('say that the session ended, and close, at its logout', async () => {
    const { path, finish } = await running()
    const stream = user.events(path)
    await stream.next()
    const other = stage.caller()
    other.cookie = user.cookie
    await other.post('/api/v1/auth/logout')
    expect((await rest(stream)).at(-1)!.event).toBe('session_ended')
    expect((await user.get(path)).status).toBe(401)
    finish()
  })

  it('say that the server stops, and it does stop', async () => {
    const { path } = await running()
    const stream = user.events(path)
    await stream.next()
    const closed = stage.server.close()
    expect((await rest(stream)).at(-1)!.event).toBe('server_closing')
    await closed
    // Nobody cancelled it: it is continued by the next start.
    const { items } = await store.listMigrations({})
    expect(items[0]?.status).toBe('in_progress')
  })

  it('are kept alive while nothing happens', async () => {
    const { path, finish } = await running()
    const response = await user.fetch(path, { headers: { accept: 'text/event-stream' } })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!/:[^\n]*\n\n[^]*:[^\n]*heartbeat/.test(text)) text += (await reader.read()).value ?? ''
    expect(text).toContain('retry: ')
    await reader.cancel()
    finish()
  })

  it('wait for a slow reader, who misses nothing, and pile nothing up for him', async () => {
    const { id, path, finish } = await running()
    const socket = connect(stage.port, '127.0.0.1')
    socket.setEncoding('utf8')
    socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\ncookie: ${user.cookie}\r\n\r\n`)
    let [text] = (await once(socket, 'data')) as [string]
    socket.pause()
    const fast = user.events(path)
    await fast.next()
    const last = (await lastOf(store, id)) + 1
    const count = 15_000
    const filler = 'x'.repeat(200)
    for (let from = 0; from < count; from += 1000) {
      const events = Array.from({ length: 1000 }, (_, index): ProgressEvent => ({
        migrationId: id, seq: last + from + index, at: new Date().toISOString(), type: 'message', level: 'info', text: `${from + index} ${filler}`,
      }))
      await store.appendEvents(id, events)
    }
    // Both read to the same last line; the slow one goes on only now, from before what the server remembers.
    const wanted = `${count - 1} ${filler}`
    let numbers: number[] = []
    for await (const event of fast) {
      numbers.push(Number(event.id))
      if (event.data.details?.message === wanted) break
    }
    expect(gaps(numbers)).toEqual([])
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.resume()
    await expect.poll(() => text.includes(wanted), { timeout: 20_000 }).toBe(true)
    numbers = [...text.matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number))
    expect(numbers[0]).toBe(1)
    expect(gaps(numbers)).toEqual([])
    socket.destroy()
    await store.updateMigration(id, { cancelRequested: true })
    finish()
  })

  it('carry text that looks like events as text', async () => {
    const { id, path, finish } = await running()
    const evil = 'a\n\ndata: {"status":"completed"}\r\nevent: forged\u2028id: 9'
    await store.appendEvents(id, [{ migrationId: id, seq: (await lastOf(store, id)) + 1, at: new Date().toISOString(), type: 'message', level: 'info', text: evil }])
    const stream = user.events(path)
    for await (const event of stream) {
      expect(event.event).toBe('migration_update')
      if (event.data.details.message === evil) break
    }
    finish()
  })
})

/** Where a number is not the one after that before it. */
const gaps = (numbers: number[]) => numbers.slice(1).flatMap((number, index) => (number === numbers[index]! + 1 ? [] : [[numbers[index], number]]))

async function lastOf(store: MemoryStore, id: string): Promise<number> {
  let last = 0
  for await (const event of store.events(id)) last = event.seq
  return last
}
