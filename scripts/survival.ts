import { execFileSync } from 'node:child_process'
import type { BulkReport, MigrationEngine, MigrationRecord } from '@saddle/core'
import type { Sandbox } from '@saddle/sandbox'

/** The full size (300 repositories, 20 kills) is for a machine with time. */
export const survivalSize = {
  repositories: Number(process.env['SADDLE_SURVIVAL_REPOSITORIES'] ?? 24),
  kills: Number(process.env['SADDLE_SURVIVAL_KILLS'] ?? 4),
}

/** A repository at the source, and where it is on disk. */
export interface Seeded {
  slug: string
  path: string
}

/** Repositories of different sizes, each with three refs. */
export async function seedMany({ bitbucket }: Sandbox, project: string, count: number): Promise<Seeded[]> {
  const seeded: Seeded[] = []
  for (let index = 0; index < count; index++) {
    const slug = `${project.toLowerCase()}-${index}`
    const seed = { commits: 3 + (index % 5), branches: 2, tags: 1, blobSize: index % 7 === 0 ? 200_000 : 1000 }
    seeded.push({ slug, path: (await bitbucket.createRepository({ project, slug, seed })).path })
  }
  return seeded
}

/** Numbers from 0 to 1, the same each time a test runs: the moments at which processes are killed. */
export function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed / 2_147_483_648
  }
}

/** Both servers fail one request in ten: resets, 5xx, 429 and truncated packs. */
export function failOneInTen({ bitbucket, github }: Sandbox): { hits: () => number; remove: () => void } {
  const faults = [bitbucket, github].flatMap((server, index) => [
    server.fault({ path: /git-upload-pack$/, method: 'POST', probability: 0.08, seed: 11 + index, action: { truncateAfter: 300 } }),
    server.fault({ path: /git-receive-pack$/, method: 'POST', probability: 0.06, seed: 21 + index, action: { resetRequestAfter: 400 } }),
    server.fault({ path: /./, probability: 0.03, seed: 31 + index, action: { reset: true } }),
    server.fault({ path: /./, probability: 0.03, seed: 41 + index, action: { status: 503 } }),
    server.fault({ path: /./, probability: 0.02, seed: 51 + index, action: { status: 429, headers: { 'retry-after': '0' } } }),
    server.fault({ path: /./, method: 'GET', probability: 0.02, seed: 61 + index, action: { resetAfter: 50 } }),
  ])
  return {
    hits: () => faults.reduce((sum, { hits }) => sum + hits, 0),
    remove: () => faults.forEach((fault) => fault.remove()),
  }
}

/** The migrations of a bulk migration. */
export async function recordsOf(engine: MigrationEngine, bulkId: string): Promise<MigrationRecord[]> {
  const records: MigrationRecord[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await engine.history({ bulkId, limit: 100, ...(cursor === undefined ? {} : { cursor }) })
    records.push(...page.items)
    cursor = page.cursor
    if (cursor === undefined) return records
  }
}

/** What is wrong with the outcome: repositories lost, there twice, different, or touched again once they were complete. */
export function outcomeProblems({ bitbucket, github }: Sandbox, sources: readonly Seeded[], records: readonly MigrationRecord[]): string[] {
  const problems: string[] = []
  if (records.length !== sources.length) problems.push(`${records.length} migrations for ${sources.length} repositories`)
  const created = github.requests.filter(({ method, path, status }) => method === 'POST' && path.endsWith('/orgs/acme/repos') && status === 201)
  const requests = [...bitbucket.requests, ...github.requests]
  for (const { slug, path } of sources) {
    const own = records.filter(({ request }) => request.source.repository === slug)
    const [record] = own
    if (own.length !== 1 || record?.status !== 'completed') {
      problems.push(`${slug}: ${own.map(({ status }) => status).join() || 'no migration'}`)
      continue
    }
    const { targetRepository, refs, endedAt } = record
    if (refsOf(path) !== refsOf(github.repositoryPath('acme', slug))) problems.push(`${slug}: other refs than at the source`)
    if (targetRepository?.created !== true || refs?.verified !== 3) problems.push(`${slug}: ${JSON.stringify({ targetRepository, refs })}`)
    const about = new RegExp(`/${slug}(\\.git)?([/?]|$)`)
    const late = requests.filter((request) => request.at > Date.parse(endedAt!) && about.test(request.path))
    if (late.length > 0) problems.push(`${slug}: ${late.length} requests after its end, such as ${late[0]!.method} ${late[0]!.path}`)
  }
  if (created.length !== sources.length) problems.push(`${created.length} repositories created for ${sources.length}`)
  return problems
}

/** A line about a run. */
export function figures(
  { bitbucket, github }: Sandbox,
  { how, hits, seconds, retries, report }: { how: string; hits: number; seconds: number; retries: number; report: BulkReport },
): string {
  const requests = bitbucket.requests.length + github.requests.length
  const again = report.items.filter(({ attempts }) => attempts > 1).length
  return (
    `${report.counts.total} repositories, ${how}, ${hits} faults in ${requests} requests (${((hits / requests) * 100).toFixed(1)} %): ` +
    `${report.counts.completed} arrived in ${seconds.toFixed(1)} s, ${again} of them in more than one attempt, ${retries} retries by hand`
  )
}

/** The refs of a bare repository. */
export const refsOf = (path: string): string =>
  execFileSync('git', ['-C', path, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags', 'refs/notes'], { encoding: 'utf8' })
