import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BitbucketClient, GitHubClient, takeInventory, MigrationEngine, type InventoryRow, type MigrationRecord } from '@saddle/core'
import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'
import { bytes, count, counted } from '../render/format.ts'
import { progressView } from '../render/progress.ts'
import { lossLines, reportTable } from '../render/report.ts'
import { sign, styleOf } from '../render/style.ts'
import { inventoryTable } from './inventory.ts'

const run = promisify(execFile)
const atOnce = 3

/** `saddle demo`: the real job on two servers of this machine, from the inventory to an independent proof. */
export async function demo(options: CommonOptions, io: Io): Promise<ExitStatus> {
  const style = styleOf(io.stdout, io.env)
  const say = (text: string) => void (options.json || io.stdout.write(text))
  const title = (text: string) => say(`\n${style.colour.bold(text)}\n`)
  const work = await mkdtemp(join(tmpdir(), 'saddle-demo-'))
  title('Starting a Bitbucket and a GitHub on this machine, with real git behind them')
  const sandbox = await startSandbox()
  const { engine, bitbucket, close } = engineOf(sandbox)
  try {
    const slugs = await plant(sandbox)
    title('What is at the source (saddle inventory)')
    const rows: InventoryRow[] = []
    for await (const row of takeInventory(bitbucket, { projects: ['DEMO'], signal: io.signal })) rows.push(row)
    say(inventoryTable(rows, io))

    title(`Migrating them, ${atOnce} at a time (saddle migrate)`)
    const view = await progressView(io, options)
    engine.on('progress', (event) => view.show(event))
    const records = await migrateAll(engine, slugs, io.signal)

    title('The source moves on; a second run sends only what is new')
    const sizeBefore = records[0]?.transferred.bytes ?? 0
    await commitAtSource(sandbox, slugs[0]!)
    const sync = await engine.migrate(requestFor(slugs[0]!), { signal: io.signal })
    view.stop()
    say(`${sign('good', style)} ${counted(sync.transferred.objects, 'object')} and ${bytes(sync.transferred.bytes)} instead of ${bytes(sizeBefore)}\n`)

    title('Proof, without Saddle: git clone --mirror, git fsck, and a comparison of every ref')
    let equal = true
    for (const slug of slugs) {
      const { same, refs } = await prove(sandbox, slug, work)
      equal &&= same
      say(`${sign(same ? 'good' : 'bad', style)} ${slug}: ${same ? `${counted(refs, 'ref')} equal, hash for hash; fsck finds nothing wrong` : 'not equal'}\n`)
    }

    title('Report')
    if (options.json) io.stdout.write(`${escapedJson({ type: 'report', equal, migrations: records, sync })}\n`)
    else say(reportTable(records, style))
    for (const record of records) say(lossLines(record, style))
    const total = records.reduce((sum, { transferred }) => sum + transferred.objects, 0)
    say(`\n${counted(records.length, 'repository', 'repositories')}, ${count(total)} objects, streamed from server to server: no clone on disk.\n`)
    say('Next: "saddle doctor" with your own servers in the environment, then "saddle plan PROJECT/slug --to owner".\n')
    return equal ? exitStatus.done : exitStatus.failed
  } finally {
    await close()
    await sandbox.close()
    await rm(work, { recursive: true, force: true })
  }
}

function engineOf(servers: Sandbox) {
  const { url, adminUsername: username, adminPassword: password } = servers.bitbucket
  const bitbucket = new BitbucketClient({ baseUrl: url, auth: { username, password } })
  const github = new GitHubClient({ baseUrl: servers.github.url, auth: { token: servers.github.token } })
  const engine = new MigrationEngine({ bitbucket, github })
  const close = async (): Promise<void> => {
    await engine.close()
    await Promise.all([bitbucket.close(), github.close()])
  }
  return { engine, bitbucket, close }
}

/** Fills the source: this project's own history where it is at hand, and repositories with everything that is unusual. */
async function plant({ bitbucket, github }: Sandbox): Promise<string[]> {
  github.createOrganization({ login: 'acme' })
  bitbucket.createProject({ key: 'DEMO', name: 'Demonstration' })
  const own = ownHistory()
  const create = (slug: string, options: Omit<Parameters<typeof bitbucket.createRepository>[0], 'project' | 'slug'>) =>
    bitbucket.createRepository({ project: 'DEMO', slug, ...options })
  if (own) await create('saddle', { description: "This project's own history", labels: ['typescript', 'migration'], seed: { from: own } })
  await create('large', { description: 'About 50 MB of history', seed: { commits: 5000, blobSize: 10_000, branches: 12, tags: 20 } })
  await create('many-refs', { description: 'Hundreds of branches and tags', seed: { commits: 300, branches: 300, tags: 300, notes: true } })
  const odd = await create('odd-names', { description: 'Branches named as nobody expects', labels: ['C++', 'edge cases'], seed: { commits: 5 } })
  for (const name of ['__proto__', '-x', '$(id)', '🌭', '%0d%0a', 'a\u202eb']) {
    await run('git', ['-C', odd.path, 'update-ref', `refs/heads/${name}`, 'refs/heads/main'])
  }
  await create('archived', { description: 'No longer changed', archived: true, seed: { commits: 20, tags: 2 } })
  await create('empty', { description: 'Nothing yet', seed: { empty: true } })
  return [...(own ? ['saddle'] : []), 'large', 'many-refs', 'odd-names', 'archived', 'empty']
}

/** The repository that this file belongs to, when it is run from a checkout with a history. */
function ownHistory(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return existsSync(join(folder, 'pnpm-workspace.yaml')) ? folder : undefined
  }
  return undefined
}

const requestFor = (slug: string) => ({ source: { project: 'DEMO', repository: slug }, target: { owner: 'acme', name: slug } })

async function migrateAll(engine: MigrationEngine, slugs: readonly string[], signal: AbortSignal | undefined): Promise<MigrationRecord[]> {
  const records: MigrationRecord[] = []
  let next = 0
  const worker = async () => {
    for (let at = next++; at < slugs.length; at = next++) records[at] = await engine.migrate(requestFor(slugs[at]!), { signal })
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return records
}

async function commitAtSource({ bitbucket }: Sandbox, slug: string): Promise<void> {
  const path = bitbucket.repositoryPath('DEMO', slug)
  const git = async (...args: string[]) =>
    (await run('git', ['-C', path, '-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com', ...args])).stdout.trim()
  const tip = await git('commit-tree', '-p', 'HEAD', '-m', 'One more change', 'HEAD^{tree}')
  await git('update-ref', 'HEAD', tip)
}

/** An ordinary clone of the target, checked, and its refs beside the source's. */
async function prove({ bitbucket, github }: Sandbox, slug: string, work: string): Promise<{ same: boolean; refs: number }> {
  const clone = join(work, `${slug}.git`)
  const header = `Authorization: Basic ${Buffer.from(`x-access-token:${github.token}`).toString('base64')}`
  const env = { ...process.env, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: `http.${github.webUrl}.extraHeader`, GIT_CONFIG_VALUE_0: header, GIT_TERMINAL_PROMPT: '0' }
  await run('git', ['clone', '--quiet', '--mirror', `${github.webUrl}/acme/${slug}.git`, clone], { env })
  await run('git', ['-C', clone, 'fsck', '--full', '--no-progress'], { env, maxBuffer: 1 << 26 })
  const refsOf = async (path: string) =>
    (await run('git', ['-C', path, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags', 'refs/notes'], { maxBuffer: 1 << 26 })).stdout
  const [ours, theirs] = await Promise.all([refsOf(bitbucket.repositoryPath('DEMO', slug)), refsOf(clone)])
  return { same: ours === theirs, refs: ours.split('\n').filter(Boolean).length }
}
