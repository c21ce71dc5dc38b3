// Migrates early and cuts over late: keeps the target up to date until you say stop, then syncs and compares once more.
//
//   node examples/sync-until-cutover.mjs PROJECT/slug owner
//
// When the day has come: make the repository read-only at Bitbucket, then press Ctrl-C here. People go on at GitHub when it
// says that both sides are equal.
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { MigrationEngine, SaddleError } from '@saddle/core'
import { bitbucket, closeClients, github } from './clients.mjs'

const [[project, repository], owner] = [process.argv[2].split('/'), process.argv[3]]
const everyMs = 1000 * Number(process.env.SYNC_SECONDS ?? 300)
const request = { source: { project, repository }, target: { owner } }
const engine = new MigrationEngine({ bitbucket, github })

async function sync() {
  const { refs } = await engine.migrate(request)
  const changed = refs.created + refs.updated + refs.deleted
  console.log(changed > 0 ? `${changed} refs moved` : 'nothing new')
}

const cutover = new AbortController()
const asked = once(process, 'SIGINT').then(() => cutover.abort())
while (!cutover.signal.aborted) {
  // What passes by itself is tried again at the next turn; anything else is for you to look at.
  await sync().catch((error) => {
    if (!SaddleError.is(error) || !error.retryable) throw error
    console.error(error.message)
  })
  // Costs two ref listings and three requests when there is nothing new.
  await setTimeout(everyMs, undefined, { signal: cutover.signal }).catch(() => undefined)
}
await asked

await sync()
const { equal, source } = await engine.verify(request)
console.log(equal ? `both sides are equal: ${source} refs` : 'they differ: is the source read-only?')
await closeClients()
process.exitCode = equal ? 0 : 1
