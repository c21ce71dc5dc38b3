import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Capture } from './capture.ts'
import { Stage } from './stage.ts'

let stage: Stage
let folder: string
beforeAll(async () => {
  stage = await Stage.open()
  folder = await mkdtemp(join(tmpdir(), 'saddle-bulk-test-'))
})
afterAll(async () => {
  await stage.close()
  await rm(folder, { recursive: true })
})

let projects = 0
async function seed(...slugs: string[]): Promise<string> {
  const project = `B${++projects}`
  for (const slug of slugs) await stage.sandbox.bitbucket.createRepository({ project, slug, seed: { commits: 2, branches: 2 } })
  return project
}
const idIn = ({ text }: Capture): string => /Bulk migration ([\w-]+)\./.exec(text)![1]!

describe('saddle bulk', () => {
  it('moves a project, and says what became of each repository', async () => {
    const project = await seed('web-app', 'web-api', 'web-old', 'tools')
    const { status, stdout } = await stage.run(['bulk', project, '--to', 'acme', '--include', 'web-*', '--exclude', '*-old'])
    expect(status).toBe(0)
    expect(stdout.text).toMatch(new RegExp(`${project}/web-api +acme/web-api +2`))
    expect(stdout.lines.at(-1)).toMatch(/^2 of 2 repositories arrived and verified, .* sent in /)
    expect(await stage.clonedRefs('web-app')).toBe(await stage.sourceRefs('web-app', project))
    expect(stage.sandbox.github.requests.filter(({ path }) => /tools|web-old/.test(path))).toEqual([])
  })

  it('tells partly done apart, says how to go on, and reports in three forms', async () => {
    const project = await seed('fine', 'broken')
    const refusal = stage.sandbox.github.fault({ method: 'POST', path: '/broken.git/git-receive-pack', times: 99, action: { status: 403 } })
    const files = ['report.json', 'report.csv', 'report.html'].map((name) => join(folder, name))
    const { status, stdout, stderr } = await stage.run(['bulk', project, '--to', 'acme', ...files.flatMap((file) => ['--report', file])])
    expect(status).toBe(3)
    expect(stdout.text).toMatch(/✗ +B\d+\/broken .*FORBIDDEN/)
    const id = idIn(stdout)
    expect(stderr.text).toContain(`saddle bulk --retry ${id}`)
    const [json, csv, html] = await Promise.all(files.map((file) => readFile(file, 'utf8')))
    expect(JSON.parse(json!)).toMatchObject({ bulk: { id, counts: { completed: 1, failed: 1 } }, repositories: [{}, {}] })
    expect(csv!.split('\r\n')).toHaveLength(4)
    expect(csv).toContain(`${project}/broken,acme/broken,`)
    expect(html).toContain('1 of 2 repositories arrived and were verified')
    expect(html).toContain('What went wrong, and what to do')
    refusal.remove()
    const again = await stage.run(['bulk', '--retry', id])
    expect(again.status).toBe(0)
    expect(await stage.clonedRefs('broken')).toBe(await stage.sourceRefs('broken', project))
    const later = join(folder, 'later.html')
    expect((await stage.run(['report', id, later])).status).toBe(0)
    expect(await readFile(later, 'utf8')).toContain('All 2 repositories arrived and were verified.')
    expect((await stage.run(['report', id])).stdout.lines.at(-1)).toMatch(/^2 of 2 repositories/)
    expect((await stage.run(['report'])).stdout.text).toMatch(new RegExp(`${id} .*completed +${project} +2/2 +0`))
    expect((await stage.run(['report', '--json'])).stdout.json[0]).toMatchObject({ type: 'bulk', id, status: 'completed' })
  })

  it('takes a map, with targets of their own', async () => {
    const project = await seed('one', 'two')
    const map = join(folder, 'map.csv')
    await writeFile(map, `source,target,visibility\n${project}/one,acme/first,private\n${project}/two,second,\n`)
    expect((await stage.run(['bulk', '--map', map, '--to', 'acme'])).status).toBe(0)
    expect(await stage.clonedRefs('first')).toBe(await stage.sourceRefs('one', project))
    expect(await stage.clonedRefs('second')).toBe(await stage.sourceRefs('two', project))
  })

  it('starts nothing when something is wrong, and names all of it', async () => {
    const project = await seed('one', 'two')
    const map = join(folder, 'wrong.csv')
    await writeFile(map, `source,target\n${project}/one,acme/Same\n${project}/two,acme/same\n${project}/gone,x\nnonsense,y\n`)
    const before = stage.sandbox.github.requests.length
    const { status, stdout, stderr } = await stage.run(['bulk', '--map', map, '--to', 'acme'])
    expect(status).toBe(2)
    for (const text of [/acme\/Same and acme\/same/, /There is no repository B\d+\/gone/, /Line 5: "nonsense" is not a source/]) expect(stdout.text).toMatch(text)
    expect(stderr.text).toContain('Nothing was started')
    const dry = await stage.run(['bulk', project, '--to', 'acme', '--dry-run'])
    expect([dry.status, dry.stdout.lines[0]]).toEqual([0, '2 repositories to move:'])
    await stage.sandbox.github.createRepository({ owner: 'acme', name: `${project}-taken` })
    await writeFile(map, `source,target\n${project}/one,${project}-taken\n`)
    const taken = await stage.run(['bulk', '--map', map, '--to', 'acme', '--dry-run'])
    expect([taken.status, taken.stdout.lines[0]]).toEqual([2, expect.stringMatching(/acme\/B\d+-taken exists already at the target/)])
    expect(stage.sandbox.github.requests.slice(before).filter(({ method }) => method !== 'GET')).toEqual([])
  })

  it.each([
    [['bulk', '--to', 'acme'], /Say what to move/],
    [['bulk', 'PRJ'], /Say where to with --to/],
    [['bulk', 'PRJ', '--to', 'acme', '--report', 'x.pdf'], /"x\.pdf" ends in none of/],
    [['bulk', '--map', 'nowhere.csv', '--to', 'acme'], /file nowhere\.csv \(--map\) cannot be read \(ENOENT\)/],
    [['bulk', '--resume', 'x', '--to', 'acme'], /cannot be used with/],
    [['prune', '--older-than', 'soon'], /hours, days or weeks/],
  ])('says what is wrong with %j', async (argv, text) => {
    const { status, stderr } = await stage.run(argv)
    expect(status).toBe(2)
    expect(stderr.text).toMatch(text)
  })

  it('cancels at Ctrl-C, and goes on where it stopped', async () => {
    const project = await seed('slow-1', 'slow-2', 'slow-3')
    const held = stage.sandbox.github.fault({ method: 'POST', path: /slow-\d\.git\/git-receive-pack/, action: { stall: true } })
    const controller = new AbortController()
    const running = stage.run(['bulk', project, '--to', 'acme', '--concurrency', '1'], { signal: controller.signal })
    await held.fired
    controller.abort()
    const { status, stdout, stderr } = await running
    expect(status).toBe(130)
    expect(stdout.lines.at(-1)).toMatch(/^0 of 3 .*3 cancelled/)
    held.remove()
    const again = await stage.run(['bulk', '--retry', idIn(stdout)])
    expect([again.status, again.stdout.lines.at(-1)]).toEqual([0, expect.stringMatching(/^3 of 3/)])
    expect(stderr.text).toContain(`--retry ${idIn(stdout)}`)
  })

  it('prints JSON, the report last', async () => {
    const project = await seed('j')
    const { stdout } = await stage.run(['bulk', project, '--to', 'acme', '--json'])
    const lines = stdout.json
    expect(lines.at(-1)).toMatchObject({ type: 'report', status: 'completed', counts: { completed: 1 }, items: [{ status: 'completed' }] })
    expect(lines.some(({ type, counts }) => type === 'bulk-status' && counts.total === 1)).toBe(true)
    expect(lines.some(({ type }) => type === 'migration-end')).toBe(true)
  })

  it('shows the whole above the bars of a terminal', async () => {
    const project = await seed('t1', 't2', 't3')
    const stdout = new Capture({ isTTY: true, columns: 120 })
    await stage.run(['bulk', project, '--to', 'acme'], { stdout, env: { NO_COLOR: '1' } })
    expect(stdout.text).toMatch(/Total {2}[█░]+ {2}\d\/3 arrived/)
    expect(stdout.text).toMatch(/B\d+\/t1 → acme\/t1 {2}[█░]+/)
  })

  it('forgets what ended long ago, when told to', async () => {
    const known = (await stage.run(['history', '--json', '--limit', '500'])).stdout.json.length
    expect(known).toBeGreaterThan(5)
    expect((await stage.run(['prune', '--older-than', '1d'])).stdout.text).toMatch(/^Forgot 0 migrations/)
    expect((await stage.run(['prune', '--older-than', '0h', '--json'])).stdout.json[0]).toMatchObject({ forgotten: known })
    expect((await stage.run(['history'])).stdout.text).toBe('No migrations.\n')
    expect((await stage.run(['report'])).stdout.text).toBe('No bulk migrations.\n')
  })
})
