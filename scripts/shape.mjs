// Checks every package as its users will get it: publint reads the manifest and the files, attw the types as each module
// system resolves them. Needs a full build.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
let failed = false

for (const name of readdirSync(join(root, 'packages'))) {
  for (const command of [
    ['publint', '--strict', '--pack', 'npm'],
    ['attw', '--pack', '.', '--profile', 'node16', '--format', 'ascii', '--no-summary'],
  ]) {
    const { status, stdout, stderr } = spawnSync('npx', command, { cwd: join(root, 'packages', name), encoding: 'utf8' })
    if (status === 0) continue
    failed = true
    console.error(`${name}: ${command.join(' ')}\n${stdout}${stderr}`)
  }
}
console.log(failed ? 'Some packages are not in shape.' : 'Every package is in shape.')
process.exit(failed ? 1 : 0)
