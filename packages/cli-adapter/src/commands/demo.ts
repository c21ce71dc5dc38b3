import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BitbucketClient, durationMs, GitHubClient, MigrationEngine, SaddleError, type InventoryRow, type MigrationReport } from '@saddle/core'
import { startSandbox, type Sandbox } from '@saddle/sandbox'
import { commitAtSource, owner, plant, project } from '../demo/plant.ts'
import { prove, type Proof } from '../demo/proof.ts'
import { escape, escapedJson } from '../escape.ts'
import { exitStatus, type ExitStatus } from '../exit-status.ts'
import type { Io } from '../io.ts'
import type { CommonOptions } from '../options.ts'
import { fold } from '../render/fold.ts'
import { bytes, count, counted, duration } from '../render/format.ts'
import { inventoryTable } from '../render/inventory.ts'
import { progressView } from '../render/progress.ts'
import { lossText } from '../render/report.ts'
import { sign, styleOf, type Style } from '../render/style.ts'
import { table } from '../render/table.ts'

const atOnce = 3

/** `saddle demo`: the real job between two servers on this machine, from the inventory to a proof without Saddle. */
export async function demo(options: CommonOptions, io: Io): Promise<ExitStatus> {
  const work = await mkdtemp(join(tmpdir(), 'saddle-demo-'))
  // None of its repositories uses Git LFS; a server that has it switched on would have each of them listed with a loss.
  const sandbox = await startSandbox({ bitbucket: { lfs: false } })
  const { engine, close } = engineOf(sandbox)
  try {
    return await new Demo(options, io, sandbox, engine, work).run()
  } finally {
    await close()
    await sandbox.close()
    await rm(work, { recursive: true, force: true, maxRetries: 5 })
  }
}

class Demo {
  readonly #json: boolean
  readonly #io: Io
  readonly #style: Style
  readonly #sandbox: Sandbox
  readonly #engine: MigrationEngine
  readonly #git: { cwd: string; path: string | undefined; signal: AbortSignal | undefined }

  constructor({ json = false }: CommonOptions, io: Io, sandbox: Sandbox, engine: MigrationEngine, work: string) {
    this.#json = json
    this.#io = io
    this.#style = styleOf(io.stdout, io.env)
    this.#sandbox = sandbox
    this.#engine = engine
    this.#git = { cwd: work, path: io.env['PATH'], signal: io.signal }
  }

  async run(): Promise<ExitStatus> {
    this.#title('A Bitbucket and a GitHub start on this machine, with real git behind them')
    const slugs = await plant(this.#sandbox, this.#git)
    this.#say(`${this.#sandbox.bitbucket.url} holds ${counted(slugs.length, 'repository', 'repositories')}; ${this.#sandbox.github.webUrl} holds none.\n`)

    this.#title('What is there, and what would be lost: saddle inventory')
    const rows: InventoryRow[] = []
    for await (const row of this.#engine.inventory({ projects: [project], signal: this.#io.signal })) rows.push(row)
    this.#say(inventoryTable(rows, this.#style))

    this.#title(`The migration, ${atOnce} at a time: saddle migrate`)
    const reports = await this.#watch(() => this.#migrateAll(slugs))

    this.#title('The source moves on, and a second run sends only what is new')
    const sync = await this.#sync(slugs[0] as string, reports[0] as MigrationReport)

    this.#title('The proof, without Saddle: git clone, git fsck, and every ref beside the source\'s')
    const proofs: Proof[] = []
    for (const slug of slugs) proofs.push(await this.#prove(slug))

    const equal = proofs.every((proof) => proof.equal)
    if (this.#json) this.#io.stdout.write(`${escapedJson({ type: 'report', equal, migrations: reports, sync, proofs })}\n`)
    this.#title('Report')
    this.#say(summary(reports, proofs, this.#style))
    return equal ? exitStatus.done : exitStatus.failed
  }

  async #migrateAll(slugs: readonly string[]): Promise<MigrationReport[]> {
    const reports: MigrationReport[] = []
    let next = 0
    const worker = async () => {
      for (let at = next++; at < slugs.length; at = next++) {
        reports[at] = await this.#engine.migrate(requestFor(slugs[at] as string), { signal: this.#io.signal })
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    return reports
  }

  async #sync(slug: string, first: MigrationReport): Promise<MigrationReport> {
    await commitAtSource(this.#sandbox, slug, this.#git)
    const sync = await this.#watch(() => this.#engine.migrate(requestFor(slug), { signal: this.#io.signal }))
    const sent = ({ transferred }: MigrationReport) => `${counted(transferred.objects, 'object')}, ${bytes(transferred.bytes)}`
    this.#say(`${sign('good', this.#style)} Only ${sent(sync)} were sent this time; the first run sent ${sent(first)}.\n`)
    return sync
  }

  async #prove(slug: string): Promise<Proof> {
    const proof = await prove(this.#sandbox, slug, this.#git).catch((cause: unknown) => {
      if (this.#io.signal?.aborted) throw SaddleError.from(cause)
      throw new SaddleError('VERIFICATION_FAILED', `The clone of ${slug} from the target is not whole.`, { cause })
    })
    const text = proof.equal ? `${counted(proof.refs, 'ref')} equal, hash for hash; fsck finds nothing wrong` : 'not equal to the source'
    this.#say(`${sign(proof.equal ? 'good' : 'bad', this.#style)} ${slug}: ${text}\n`)
    return proof
  }

  /** Shows what the engine reports while something runs. */
  async #watch<T>(work: () => Promise<T>): Promise<T> {
    const view = await progressView(this.#io, { json: this.#json })
    this.#engine.on('progress', view.show)
    try {
      return await work()
    } finally {
      this.#engine.off('progress', view.show)
      view.stop()
    }
  }

  #title(text: string): void {
    this.#say(`\n${this.#style.colour.bold(text)}\n`)
  }

  #say(text: string): void {
    if (!this.#json) this.#io.stdout.write(fold(text, this.#style))
  }
}

const requestFor = (slug: string) => ({ source: { project, repository: slug }, target: { owner, name: slug } })

function engineOf({ bitbucket: source, github: target }: Sandbox) {
  const bitbucket = new BitbucketClient({ baseUrl: source.url, auth: { username: source.adminUsername, password: source.adminPassword } })
  const github = new GitHubClient({ baseUrl: target.url, auth: { token: target.token } })
  const engine = new MigrationEngine({ bitbucket, github })
  const close = async (): Promise<void> => {
    await engine.close()
    await Promise.all([bitbucket.close(), github.close()])
  }
  return { engine, close }
}

function summary(reports: readonly MigrationReport[], proofs: readonly Proof[], style: Style): string {
  const { colour } = style
  const proofOf = ({ request }: MigrationReport) => proofs.find(({ slug }) => slug === request.source.repository)
  const text = table(reports, [
    { title: 'Repository', cell: ({ request: { target } }) => escape(target.name) },
    { title: 'Refs', align: 'right', cell: ({ refs }) => count(refs?.verified ?? 0) },
    { title: 'Objects', align: 'right', cell: ({ transferred }) => count(transferred.objects), rank: 2 },
    { title: 'Sent', align: 'right', cell: ({ transferred }) => bytes(transferred.bytes), rank: 3 },
    { title: 'Time', align: 'right', cell: (report) => duration(durationMs(report)), rank: 1 },
    { title: 'Verified', cell: ({ status }) => sign(status === 'completed' ? 'good' : 'bad', style), rank: 4 },
    { title: 'Clone+fsck', cell: (report) => sign(proofOf(report)?.equal ? 'good' : 'bad', style), rank: 5 },
    { title: 'Lost', align: 'right', cell: ({ losses }) => (losses.length > 0 ? colour.yellow(count(losses.length)) : '0'), rank: 6 },
  ], style)
  const losses = reports.flatMap((report) => report.losses.map((loss) => `${escape(report.request.source.repository)}: ${lossText(loss, style)}`))
  const sum = (of: (report: MigrationReport) => number) => reports.reduce((all, report) => all + of(report), 0)
  const lines = [
    ...losses,
    `${counted(sum(({ transferred }) => transferred.objects), 'object')} and ${bytes(sum(({ transferred }) => transferred.bytes))} went from server to server as a stream: no clone, nothing on this disk in between.`,
    'Both servers were rehearsal ones of this machine; only git itself was the real thing on both sides.',
    '',
    `Next: ${colour.bold('saddle sandbox')} keeps two such servers running, to try every command on.`,
    `With your own servers in the environment (${colour.bold('saddle --help')}): ${colour.bold('saddle doctor')} checks them, ${colour.bold('saddle plan PROJECT/slug --to owner')} says what a migration would do.`,
  ]
  return text + lines.map((line) => `${line}\n`).join('')
}
