// Moves one repository, or brings it up to date:  node examples/migrate-one.mjs PROJECT/slug owner
import { MigrationEngine } from '@saddle/core'
import { bitbucket, closeClients, github } from './clients.mjs'

const [[project, repository], owner] = [process.argv[2].split('/'), process.argv[3]]
const engine = new MigrationEngine({ bitbucket, github })
engine.on('step-end', ({ step, outcome }) => console.log(step, outcome))
const { refs, losses } = await engine.migrate({ source: { project, repository }, target: { owner } })
console.log(`${refs.verified} refs are equal; ${losses.length} things stay behind`)
await closeClients()
