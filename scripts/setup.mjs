// Makes a fresh checkout ready, with only Node, npm and git at hand: installs the dependencies as locked and builds the
// packages. Does nothing when nothing changed. Every npm script calls it first, so nobody has to.
import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamps = join(root, 'node_modules', '.saddle')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) fail(`Node ${process.versions.node} is too old: Saddle needs 20.19 or newer.`)
if (spawnSync('git', ['--version']).status !== 0) fail('git was not found: install it and see that it is on the PATH.')

once('installed', ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests()], 'Installing the dependencies', () =>
  run('npx', ['--yes', manifest.packageManager, 'install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=error']),
)
once('built', ['tsup.base.ts', ...sources()], 'Building the packages', () => run('node', ['scripts/build.mjs', '--js']))

/** Runs an action unless the files it depends on are as they were when it last succeeded. */
function once(name, files, title, action) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)))
  const digest = hash.digest('hex')
  const stamp = join(stamps, name)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  console.error(`${title} …`)
  action()
  mkdirSync(stamps, { recursive: true })
  writeFileSync(stamp, digest)
}

function manifests() {
  return readdirSync(join(root, 'packages')).map((name) => `packages/${name}/package.json`).filter((file) => existsSync(join(root, file)))
}

function sources() {
  return manifests().flatMap((file) => [file, file.replace('package.json', 'tsup.config.ts'), ...filesBelow(file.replace('package.json', 'src'))])
    .filter((file) => existsSync(join(root, file)) && !file.endsWith('.test.ts'))
}

function filesBelow(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, name))
    .filter((file) => statSync(join(root, file)).isFile())
    .sort()
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (status !== 0) fail(`\`${command} ${args.join(' ')}\` failed.`)
}

function fail(text) {
  console.error(text)
  process.exit(1)
}
