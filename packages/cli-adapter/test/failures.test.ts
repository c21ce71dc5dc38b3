import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Capture } from './capture.ts'
import { Stage } from './stage.ts'

let stage: Stage
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'saddle-failures-'))
  stage = await Stage.open()
  await stage.sandbox.bitbucket.createRepository({ project: 'PROJ', slug: 'app', seed: { commits: 3 } })
  await stage.sandbox.github.createRepository({ owner: 'acme', name: 'taken', seed: { commits: 2 } })
})
afterAll(async () => {
  await stage.close()
  rmSync(folder, { recursive: true, force: true })
})

const migrate = ['migrate', 'PROJ/app', '--to', 'acme']

/** A port on which nobody listens. */
async function unusedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('a mistake on the command line', () => {
  it.each([
    [[], ''],
    [['migrat'], /^error: unknown command 'migrat' \(Did you mean migrate\?\)\. Try --help\.$/],
    [['migrate', 'PROJ/app'], /^error: required option '--to <owner\/name>' not specified\. Try --help\.$/],
    [['migrate', '--to', 'acme'], /^error: missing required argument 'PROJECT\/slug'/],
    [[...migrate, '--visibility', 'secret'], /^error: .*'secret' is invalid\. Allowed choices are private, internal, public\./],
    [['history', '--limit', '0'], /^error: .*Give a whole number of at least 1\. Try --help\.$/],
    [['sandbox', '--bitbucket-port', '70000'], /^error: .*from 0 to 65535\. Try --help\.$/],
    [['inventory', '--csv', '--json'], /^error: .*cannot be used with/],
    [['migrate', 'app', '--to', 'acme'], /^error: "app" does not name a repository\. Write PROJECT\/slug.*\(INVALID_INPUT\)$/],
    [['migrate', 'https://host/scm/proj/app.git', '--to', 'acme'], /Write proj\/app\. \(INVALID_INPUT\)$/],
    [['migrate', 'https://host/bitbucket/projects/PROJ/repos/app/browse', '--to', 'acme'], /Write PROJ\/app\. \(INVALID_INPUT\)$/],
    [['migrate', 'ssh://git@host:7999/~ada/app.git', '--to', 'acme'], /Write ~ada\/app\. \(INVALID_INPUT\)$/],
    [['migrate', 'PROJ/app', '--to', 'https://github.com/acme/app'], /Write acme\/app\. \(INVALID_INPUT\)$/],
    [['migrate', 'PROJ/app', '--to', 'https://github.com/orgs/acme'], /Write acme\. \(INVALID_INPUT\)$/],
    [['migrate', 'PROJ/app', '--to', 'acme/x/y'], /^error: --to "acme\/x\/y" names no target\..*\(INVALID_INPUT\)$/],
    [['migrate', 'PROJ/../x', '--to', 'acme'], /^error: .*\(INVALID_INPUT\)$/],
    [['migrate', 'PROJ/%2e%2e', '--to', 'acme'], /^error: .*is not a name but a path.*\(INVALID_INPUT\)$/],
    [[...migrate, '--namespace', 'heads'], /^error: .*refs\/heads\/.*\(INVALID_INPUT\)$/],
  ])('%j is told in a line and exits with 2', async (argv, text) => {
    const { status, stdout, stderr } = await stage.run(argv)
    expect([status, stdout.text]).toEqual([2, ''])
    if (text !== '') expect([stderr.lines.length, stderr.lines[0]]).toEqual([1, expect.stringMatching(text)])
  })

  it('is red on a terminal alone', async () => {
    const terminal = await stage.run(['migrat'], { stderr: new Capture({ isTTY: true }) })
    expect(terminal.stderr.text).toContain('\x1b[31merror:\x1b[39m')
    expect((await stage.run(['migrat'])).stderr.text).not.toContain('\x1b')
  })
})

describe('a failure is one sentence with its remedy and its code', () => {
  it.each([
    ['a missing address', { SADDLE_BITBUCKET_URL: undefined }, 2, /SADDLE_BITBUCKET_URL is not set/, 'MISSING_CONFIGURATION'],
    ['a missing token', { SADDLE_GITHUB_TOKEN: undefined }, 2, /SADDLE_GITHUB_TOKEN is not set/, 'MISSING_CONFIGURATION'],
    ['a wrong token of the source', { SADDLE_BITBUCKET_TOKEN: 'wrong-token-1' }, 1, /token|credentials/, 'AUTHENTICATION_FAILED'],
    ['a wrong token of the target', { SADDLE_GITHUB_TOKEN: 'wrong-token-2' }, 1, /token|credentials/, 'AUTHENTICATION_FAILED'],
    ['the address of pages', { SADDLE_GITHUB_URL: 'https://github.com/acme' }, 2, /SADDLE_GITHUB_URL is the address of GitHub's pages\. Its REST API is https:\/\/api\.github\.com/, 'INVALID_INPUT'],
    ['Bitbucket Cloud', { SADDLE_BITBUCKET_URL: 'https://bitbucket.org' }, 2, /Bitbucket Cloud.*Give that of the Bitbucket Data Center server/, 'INVALID_INPUT'],
    ['the address of the target as that of the source', { SADDLE_BITBUCKET_URL: 'https://github.example.com/api/v3' }, 2, /address of GitHub, which is the target/, 'INVALID_INPUT'],
    ['a token of the target for the source', { SADDLE_BITBUCKET_TOKEN: 'ghp_0123456789abcdef0123' }, 2, /Bitbucket token is one of GitHub's/, 'INVALID_INPUT'],
    ['a token of the source for the target', { SADDLE_GITHUB_TOKEN: 'BBDC-0123456789abcdef0123' }, 2, /GitHub token is one of Bitbucket's/, 'INVALID_INPUT'],
    ['an address that is none', { SADDLE_BITBUCKET_URL: 'bitbucket' }, 2, /SADDLE_BITBUCKET_URL is not an http or https address/, 'INVALID_INPUT'],
  ])('%s', async (_name, env, exit, text, code) => {
    const { status, stderr } = await stage.run(migrate, { env })
    expect(status).toBe(exit)
    expect(stderr.lines[0]).toMatch(text)
    expect(stderr.lines[0]).toMatch(new RegExp(`^error: .*\\(${code}\\)$`))
    expect(stderr.text).not.toMatch(/wrong-token|\n {4}at /)
  })

  it('a missing repository', async () => {
    const { status, stderr } = await stage.run(['migrate', 'PROJ/none', '--to', 'acme'])
    expect([status, stderr.lines[0]]).toEqual([1, expect.stringMatching(/^error: .*none.*\(NOT_FOUND\)$/)])
  })

  it("an Enterprise Server's address without the path of its REST API", async () => {
    const { status, stderr } = await stage.run(migrate, { env: { SADDLE_GITHUB_URL: new URL(stage.env['SADDLE_GITHUB_URL']!).origin } })
    expect([status, stderr.lines[0]]).toEqual([1, expect.stringMatching(/^error: .*has no REST API of GitHub at this address.*\/api\/v3.*\(NOT_FOUND\)$/)])
  })

  it('a target that exists', async () => {
    const { status, stderr } = await stage.run(['migrate', 'PROJ/app', '--to', 'acme/taken'])
    expect([status, stderr.lines[0]]).toEqual([1, expect.stringMatching(/^error: acme\/taken exists already .*--existing.*\(ALREADY_EXISTS\)$/)])
  })

  it('a target that diverged', async () => {
    const { status, stderr } = await stage.run(['migrate', 'PROJ/app', '--to', 'acme/taken', '--existing'])
    expect([status, stderr.lines[0]]).toEqual([1, expect.stringMatching(/^error: .*refs\/heads\/main.*--force.*\(REF_DIVERGED\)$/)])
  })

  it('a server that is not there', async () => {
    const env = { SADDLE_BITBUCKET_URL: `http://127.0.0.1:${await unusedPort()}` }
    const { status, stderr } = await stage.run(migrate, { env })
    expect([status, stderr.lines[0]]).toEqual([1, expect.stringMatching(/^error: .*refuses connections.*\(NETWORK\)$/)])
  })

  it('a certificate of a private authority, and its remedy works', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
      extensions: [{ name: 'basicConstraints', cA: true }, { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    })
    const secure = await Stage.open({ tls: { key, cert } })
    onTestFinished(() => secure.close())
    await secure.sandbox.bitbucket.createRepository({ project: 'PROJ', slug: 'app', seed: { commits: 2 } })
    const without = await secure.run(migrate)
    expect([without.status, without.stderr.lines[0]]).toEqual([1, expect.stringMatching(/^error: .*not trusted.*SADDLE_CA_FILE.*\(TLS\)$/)])
    const SADDLE_CA_FILE = join(folder, 'ca.pem')
    writeFileSync(SADDLE_CA_FILE, cert)
    const { status, stderr } = await secure.run(migrate, { env: { SADDLE_CA_FILE } })
    expect([status, stderr.text]).toEqual([0, ''])
  })

  it('a home that cannot be made', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const { status, stderr } = await stage.run(['history'], { env: { SADDLE_HOME: join(file, 'home') } })
    expect([status, stderr.text]).toEqual([1, expect.stringMatching(/^error: The folder .*\(ENOTDIR\).*SADDLE_HOME\. \(STORE_FAILED\)\n$/)])
  })

  it.runIf(process.getuid?.() !== 0)('a home that cannot be written to', async () => {
    const home = join(folder, 'read-only')
    mkdirSync(home)
    chmodSync(home, 0o500)
    const { status, stderr } = await stage.run(['history'], { env: { SADDLE_HOME: home } })
    expect([status, stderr.text]).toEqual([1, expect.stringMatching(/^error: .*\(STORE_FAILED\)\n$/)])
  })

  it('with --json also as the last line of standard output', async () => {
    const { status, stdout } = await stage.run([...migrate, '--json'], { env: { SADDLE_GITHUB_TOKEN: undefined } })
    expect([status, stdout.json]).toEqual([2, [{ type: 'error', error: expect.objectContaining({ code: 'MISSING_CONFIGURATION', context: { option: 'SADDLE_GITHUB_TOKEN' } }) }]])
  })

  it('with its stack only when that is asked for', async () => {
    const { stderr } = await stage.run([...migrate, '--debug'], { env: { SADDLE_GITHUB_TOKEN: undefined } })
    expect(stderr.text).toMatch(/\n {4}at /)
  })
})

describe('secrets and what servers say', () => {
  it('do not show, even when a server repeats them', async () => {
    const secret = stage.env['SADDLE_BITBUCKET_TOKEN'] ?? ''
    const body = { errors: [{ message: `Refused: Bearer ${secret}, ${encodeURIComponent(secret)}, ${Buffer.from(secret).toString('base64')}` }] }
    const fault = stage.sandbox.bitbucket.fault({ path: '/repos/app', times: 100, action: { status: 400, body } })
    for (const extra of [[], ['--debug'], ['--json']]) {
      const { stdout, stderr } = await stage.run([...migrate, ...extra])
      expect(stderr.text).toContain('error: ')
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
        expect(stdout.text + stderr.text).not.toContain(form)
      }
    }
    fault.remove()
  })

  it('are shown without what a terminal would act upon', async () => {
    const message = 'Denied\u001b]8;;https://evil.example\u0007click\u001b]8;;\u0007\u202e\r\nerror: fake'
    const fault = stage.sandbox.bitbucket.fault({ path: '/repos/app', times: 100, action: { status: 400, body: { errors: [{ message }] } } })
    for (const extra of [[], ['--json']]) {
      const { stdout, stderr } = await stage.run([...migrate, ...extra], { stderr: new Capture({ isTTY: true }), env: { NO_COLOR: '1' } })
      expect(stdout.text + stderr.text).not.toMatch(/[\u001b\u0007\u202e\r]/)
      expect(stderr.lines.filter((line) => line.startsWith('error:'))).toHaveLength(1)
    }
    fault.remove()
  })

  it('warns where credentials would travel in clear, and not on this machine', async () => {
    const { port } = new URL(stage.sandbox.github.url)
    const { stderr } = await stage.run(['plan', 'PROJ/app', '--to', 'acme'], { env: { SADDLE_GITHUB_URL: `http://0.0.0.0:${port}/api/v3` } })
    expect(stderr.lines[0]).toMatch(/^warning: SADDLE_GITHUB_URL is a plain http address: the credentials travel to 0\.0\.0\.0 in clear\./)
    expect((await stage.run(['plan', 'PROJ/app', '--to', 'acme'])).stderr.text).toBe('')
  })
})
