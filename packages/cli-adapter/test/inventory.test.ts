import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Capture } from './capture.ts'
import { Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
  const { bitbucket } = stage.sandbox
  await bitbucket.createRepository({ project: 'PROJ', slug: 'app', name: '=HYPERLINK("https://evil.example","\u001b[2Japp")', seed: { commits: 4, branches: 2, tags: 3 } })
afterAll(() => stage.close())
  await bitbucket.createRepository({ project: 'PROJ', slug: 'old', archived: true, labels: ['Edge case'], seed: { commits: 1 } })
  await bitbucket.createRepository({ project: 'PROJ', slug: 'fork', forkOf: { project: 'PROJ', slug: 'app' } })
  await bitbucket.createRepository({ project: 'OTHER', slug: 'app', seed: { empty: true } })
})

describe('saddle inventory', () => {
  it('is a table, for which the source alone is needed', async () => {
    const { adminUsername, adminPassword } = stage.sandbox.bitbucket
    const env = { SADDLE_BITBUCKET_TOKEN: undefined, SADDLE_BITBUCKET_USERNAME: adminUsername, SADDLE_BITBUCKET_PASSWORD: adminPassword, SADDLE_GITHUB_TOKEN: undefined }
    const { status, stdout, stderr } = await stage.run(['inventory', 'PROJ'], { env })
    expect([status, stderr.text]).toEqual([0, ''])
    expect(stdout.lines[0]).toMatch(/^Repository +Size +Default branch +Branches +Tags +Last commit +Is +Name at GitHub +Would be lost$/)
    expect(stdout.text).toMatch(/^PROJ\/app +[\d.]+ KiB +main +2 +3 +2020-01-01 +– +app +nothing$/m)
    expect(stdout.text).toMatch(/^PROJ\/old .* archived +old +Edge case$/m)
    expect(stdout.text).toMatch(/^PROJ\/fork .* fork of PROJ\/app +fork +/m)
    expect(stdout.lines.at(-1)).toMatch(/^3 repositories, [\d.]+ KiB$/)
  })

  it('counts while somebody waits, and leaves no trace of that', async () => {
    const stderr = new Capture({ isTTY: true })
    const stdout = new Capture({ isTTY: true, columns: 60 })
    await stage.run(['inventory', 'PROJ'], { stdout, stderr })
    expect(stderr.text).toContain('\r3 repositories read')
    expect(stderr.text.endsWith('\r\x1b[K')).toBe(true)
    expect(stdout.text).toContain('Not shown for want of width:')
  })

  it('names the repositories of all projects whose names would be one at GitHub', async () => {
    const { stdout } = await stage.run(['inventory'])
    expect(stdout.text).toMatch(/app \(taken by (PROJ|OTHER)\/app\)/)
    expect(stdout.lines.at(-1)).toMatch(/^4 repositories, 0 B and 4 of unknown size \(Bitbucket tells sizes to a user with a password/)
  })

  it('is CSV in which no cell is a formula or moves the cursor', async () => {
    const { status, stdout } = await stage.run(['inventory', 'PROJ', '--csv'])
    expect(status).toBe(0)
    expect(stdout.lines[0]).toBe('project,repository,name,size,default_branch,branches,tags,last_commit,lfs,archived,fork_of,proposed_name,name_taken_by,would_be_lost,error')
    expect(stdout.lines.find((line) => line.startsWith('PROJ,app,'))).toContain(`,"'=HYPERLINK(""https://evil.example"",""\\x1b[2Japp"")",`)
    expect(stdout.lines.find((line) => line.startsWith('PROJ,old,'))).toMatch(/,main,1,0,2020-01-01T[^,]+,false,true,,old,,Edge case,$/)
    expect(stdout.text).not.toContain('\x1b')
  })

  it('is JSON, one repository a line, with the totals last', async () => {
    const { stdout } = await stage.run(['inventory', 'PROJ', '--json'])
    expect(stdout.json.slice(0, -1).map(({ type, repository }) => [type, repository])).toEqual([['repository', 'app'], ['repository', 'fork'], ['repository', 'old']])
    expect(stdout.json.at(-1)).toMatchObject({ type: 'report', repositories: 3, unreadable: 0 })
  })

  it('tells which repository cannot be read, and goes on', async () => {
    const fault = stage.sandbox.bitbucket.fault({ path: '/scm/proj/old.git', times: 100, action: { status: 404 } })
    const { status, stdout } = await stage.run(['inventory', 'PROJ'])
    fault.remove()
    expect(status).toBe(3)
    expect(stdout.text).toMatch(/^PROJ\/old .* NOT_FOUND$/m)
    expect(stdout.lines.at(-1)).toMatch(/^unreadable: PROJ\/old: /)
  })
})
