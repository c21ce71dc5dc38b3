import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeFinding } from '../src/doctor/machine.ts'
import { Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
})
afterAll(() => stage.close())

describe('saddle doctor', () => {
  it('finds everything in order', async () => {
    const { status, stdout, stderr } = await stage.run(['doctor', '--owner', 'acme'])
    expect(stderr.text).toBe('')
    expect(stdout.lines.map((line) => line.replace(/: .*/, ''))).toEqual([
      '✓ Node', '✓ git', '✓ Store',
      '✓ Bitbucket connection', '✓ Bitbucket time', '✓ Bitbucket credentials', '✓ Bitbucket version',
      '✓ GitHub connection', '✓ GitHub time', '✓ GitHub credentials', '✓ GitHub owner', '✓ GitHub rate limit', 'Ready.',
    ])
    expect(stdout.text).toMatch(/GitHub credentials: accepted, as admin, scopes repo, /)
    expect(status).toBe(0)
  })

  it('names what is wrong on each side, with the remedy, and goes on', async () => {
    const env = { SADDLE_BITBUCKET_TOKEN: 'not-the-token', SADDLE_GITHUB_URL: 'http://127.0.0.1:1/api/v3' }
    const { status, stdout } = await stage.run(['doctor'], { env })
    expect(status).toBe(1)
    expect(stdout.text).toMatch(/^✗ Bitbucket credentials: .*$/m)
    expect(stdout.text).toMatch(/^✗ GitHub connection: 127\.0\.0\.1 does not answer on port 1 \(ECONNREFUSED\)\n {4}Check address and port/m)
    expect(stdout.lines.at(-1)).toBe('2 things to put right.')
    expect(stdout.text).not.toContain('not-the-token')
  })

  it('says what is missing, and warns where credentials travel in clear', async () => {
    const env = { SADDLE_BITBUCKET_URL: undefined, SADDLE_GITHUB_URL: 'http://0.0.0.0:1' }
    const { status, stdout } = await stage.run(['doctor', '--json'], { env })
    expect(status).toBe(1)
    expect(stdout.json).toContainEqual(expect.objectContaining({ type: 'check', check: 'Bitbucket', outcome: 'bad', text: expect.stringContaining('SADDLE_BITBUCKET_URL is not set') }))
    expect(stdout.json).toContainEqual(expect.objectContaining({ type: 'check', check: 'Secrecy', outcome: 'warning' }))
    expect(stdout.json.at(-1)).toMatchObject({ type: 'report', ok: false, bad: 2 })
  })

  it('says what a token lacks', async () => {
    const { github } = stage.sandbox
    github.createUser({ login: 'eve' })
    const token = github.createToken({ user: 'eve', scopes: ['read:org'] })
    const { status, stdout } = await stage.run(['doctor', '--owner', 'acme'], { env: { SADDLE_GITHUB_TOKEN: token } })
    expect(status).toBe(1)
    expect(stdout.text).toMatch(/^✗ GitHub owner: repositories cannot be created in acme\n {4}\S/m)
  })

  it('notices a clock that is off', async () => {
    const fault = stage.sandbox.github.fault({ method: 'HEAD', path: /./, action: { status: 200, headers: { date: 'Wed, 01 May 2024 12:00:00 GMT' } } })
    const { stdout } = await stage.run(['doctor'])
    fault.remove()
    expect(stdout.text).toMatch(/^! GitHub time: this machine's clock is .* ahead of the server's$/m)
  })

  it('notices that others can read the store', async () => {
    const home = join(stage.home, 'open')
    mkdirSync(home)
    chmodSync(home, 0o755)
    const { stdout } = await stage.run(['doctor'], { env: { SADDLE_HOME: home } })
    expect(stdout.text).toMatch(/^! Store: .* can be read by other users of this machine$/m)
  })

  it('does without git, and says what for it is good', async () => {
    const { status, stdout } = await stage.run(['doctor'], { env: { PATH: stage.home } })
    expect(status).toBe(0)
    expect(stdout.text).toMatch(/^! git: no git program was found\n {4}Install git 2\.31 or newer/m)
  })

  it.each([['20.18.3', 'bad'], ['20.19.0', 'good'], ['18.20.0', 'bad'], ['24.1.0', 'good']])('judges Node %s as %s', (version, outcome) => {
    expect(nodeFinding(version).outcome).toBe(outcome)
  })
})
