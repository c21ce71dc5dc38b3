// Builds the packages, those that others need first. With --js only the JavaScript, which is all that running needs.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const onlyJs = process.argv.includes('--js')
const env = { ...process.env, ...(onlyJs ? { SADDLE_BUILD: 'js' } : {}) }

const packages = new Map(
  readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'tsup.config.ts')))
    .map((name) => {
      const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
      return [name, Object.keys({ ...dependencies, ...peerDependencies }).filter((id) => id.startsWith('@saddle/')).map((id) => id.slice('@saddle/'.length))]
    }),
)

const started = new Map()
let free = Math.max(2, availableParallelism())
const queue = []

/** Types are read from the built packages, so a full build waits for what it imports; JavaScript alone need not. */
function build(name) {
  if (!started.has(name)) {
    const before = onlyJs ? [] : (packages.get(name) ?? []).filter((id) => packages.has(id)).map(build)
    started.set(name, Promise.all(before).then(() => limited(() => tsup(name))))
  }
  return started.get(name)
}

async function limited(action) {
  if (free === 0) await new Promise((resolve) => queue.push(resolve))
  else free--
  try {
    return await action()
  } finally {
    const next = queue.shift()
    if (next) next()
    else free++
  }
}

function tsup(name) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'node_modules/tsup/dist/cli-default.js')], {
      cwd: join(root, 'packages', name),
      env,
      stdio: ['ignore', 2, 2],
    })
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`building ${name} failed`))))
  })
}

const outcomes = await Promise.allSettled([...packages.keys()].map(build))
const failures = new Set(outcomes.flatMap(({ reason }) => (reason ? [reason.message] : [])))
for (const message of failures) console.error(message)
process.exit(failures.size > 0 ? 1 : 0)
