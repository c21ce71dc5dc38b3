import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Stage } from './stage.ts'

let stage: Stage
let core: { id: number; slug: string }
beforeAll(async () => {
  stage = await Stage.open()
  core = stage.sandbox.github.createTeam({ org: 'acme', name: 'Core Team' })
  stage.sandbox.github.createTeam({ org: 'acme', name: '=cmd' })
  for (const name of ['one', 'two']) await stage.sandbox.github.createRepository({ owner: 'acme', name })
})
afterAll(() => stage.close())

const teamsOf = async (repository: string) => {
  const { stdout } = await stage.run(['teams', 'list', 'acme', '--repository', repository, '--json'])
  return Object.fromEntries(stdout.json.filter(({ type }) => type === 'team').map(({ slug, permission }) => [slug, permission]))
}

describe('saddle teams', () => {
  it('lists, sets and removes', async () => {
    const list = await stage.run(['teams', 'list', 'acme'])
    expect(list.status).toBe(0)
    expect(list.stdout.text).toContain('core-team')
    expect((await stage.run(['teams', 'set', 'acme/one', 'core-team', 'write'])).stdout.text).toBe('The team core-team has write on acme/one.\n')
    expect(await teamsOf('one')).toEqual({ 'core-team': 'write' })
    await stage.run(['teams', 'set', 'acme/one', String(core.id), 'pull'])
    expect(await teamsOf('one')).toEqual({ 'core-team': 'read' })
    expect((await stage.run(['teams', 'remove', 'acme/one', 'core-team'])).status).toBe(0)
    expect(await teamsOf('one')).toEqual({})
  })

  it('writes CSV that no spreadsheet takes for formulas', async () => {
    const { stdout } = await stage.run(['teams', 'list', 'acme', '--csv'])
    expect(stdout.lines[0]).toBe('id,slug,name,permission')
    expect(stdout.text).toContain(",'=cmd,")
  })

  it('changes many at once, from options', async () => {
    const { status, stdout } = await stage.run(['teams', 'bulk', 'acme', 'one', 'two', 'missing', '--team', 'core-team', '--permission', 'maintain', '--csv'])
    expect(status).toBe(3)
    expect(stdout.lines.slice(0, 3)).toEqual(['repository,team,permission,outcome,error', 'one,core-team,maintain,done,', 'two,core-team,maintain,done,'])
    expect(stdout.lines[3]).toMatch(/^missing,core-team,maintain,failed,.+/)
  })

  it('changes many at once, from a file', async () => {
    const file = join(stage.home, 'changes.csv')
    writeFileSync(file, '\ufeffteam,repository,permission\r\ncore-team,one,admin\r\n"core-team","two",none\r\n')
    const { status, stdout } = await stage.run(['teams', 'bulk', 'acme', '--file', file, '--json'])
    expect(status).toBe(0)
    expect(stdout.json.at(-1)).toEqual({ type: 'report', org: 'acme', total: 2, successful: 2, failed: 0 })
    expect([await teamsOf('one'), await teamsOf('two')]).toEqual([{ 'core-team': 'admin' }, {}])
  })

  it.each([
    [['teams', 'set', 'acme/one', 'core-team', 'owner'], 'no permission "owner"'],
    [['teams', 'set', 'acme', 'core-team', 'read'], 'not a repository'],
    [['teams', 'bulk', 'acme', 'one'], '--team'],
    [['teams', 'bulk', 'acme', '--file', '/no/such/file.csv'], '/no/such/file.csv'],
  ])('says what is wrong: %j', async (argv, text) => {
    const { status, stderr } = await stage.run(argv)
    expect(status).not.toBe(0)
    expect(stderr.text).toContain(text)
  })
})
