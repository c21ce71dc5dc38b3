// Moves every repository of a project, eight at a time, under a progress bar:
//   node examples/bulk-with-progress.mjs PROJECT owner
import { MigrationEngine, SqliteStore } from '@saddle/core'
import cliProgress from 'cli-progress'
import { bitbucket, closeClients, github } from './clients.mjs'

const [project, owner] = process.argv.slice(2)
// In a file, so that the same command goes on where this one was stopped.
const store = await SqliteStore.open({ path: process.env.SADDLE_STORE ?? 'saddle.db' })
const engine = new MigrationEngine({ bitbucket, github, store })
const bar = new cliProgress.SingleBar({ format: '{bar} {percentage} % | {value}/{total} | {latest}', stream: process.stderr }, cliProgress.Presets.shades_classic)

// The plan names what is in the way before anything begins: names that collide, repositories that do not exist.
const plan = await engine.bulk.plan({ source: { project }, target: { owner } })
bar.start(plan.items.length, 0, { latest: '' })
engine.on('migration-end', () => bar.increment())
engine.on('migration-start', ({ source }) => bar.update({ latest: source }))

const { counts, items } = await engine.migrateAll(plan, { concurrency: 8 })
bar.stop()
console.log(`${counts.completed} of ${counts.total} arrived`)
for (const { request, error } of items) if (error) console.log(`${request.source.repository}: ${error.message}`)
await store.close()
await closeClients()
process.exitCode = counts.completed === counts.total ? 0 : 1
