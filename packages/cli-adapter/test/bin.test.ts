import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Stage } from './stage.ts'

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url))

let stage: Stage
beforeAll(async () => {
  if (!existsSync(bin)) throw new Error(`There is no ${bin}: these tests run the built command. Build it first: npm run setup`)
  stage = await Stage.open()
})
afterAll(() => stage.close())

interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Starts the built command as a user would. */
function start(argv: string[], env: Record<string, string> = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [bin, ...argv], { env: { ...stage.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (texts.stdout += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (texts.stderr += String(chunk)))
  const ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => ({ code, signal, ...texts }))
  return { child, ended }
}

const repository = (slug: string) =>
  stage.sandbox.bitbucket.createRepository({ project: 'PROJ', slug, seed: { commits: 30, branches: 3, tags: 2, blobSize: 20_000 } })

/** Holds a push to that repository up, for as long as the returned fault is not removed. */
const holdPush = (slug: string) =>
  stage.sandbox.github.fault({ path: `/acme/${slug}.git/git-receive-pack`, method: 'POST', times: 100, action: { stall: true } })

describe('the built command', () => {
  it('tells help and version', async () => {
    const help = await start(['--help']).ended
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain('SADDLE_BITBUCKET_URL')
    for (const name of ['migrate', 'plan', 'verify', 'inventory', 'history', 'logs', 'retry', 'cancel', 'doctor', 'sandbox', 'demo']) {
      expect(help.stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    }
    expect((await start(['--version']).ended).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(await start(['nonsense']).ended).toMatchObject({ code: 2, stdout: '' })
  })

  it('does not load what help has no need of', () => {
    const script = `import { register } from 'node:module'
      register('data:text/javascript,' + encodeURIComponent('export async function resolve(specifier, context, next) {' +
        'if (/^(@saddle|undici|zod|libsql|cli-progress|cli-table3)/.test(specifier)) throw new Error("loaded " + specifier)\\nreturn next(specifier, context) }'))`
    const preload = `data:text/javascript,${encodeURIComponent(script)}`
    const run = (argv: string[]) => execFileSync(process.execPath, ['--import', preload, bin, ...argv], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: stage.env })
    expect(run(['--help'])).toContain('Usage: saddle')
    // The hook works: a command that needs the engine is stopped by it.
    expect(() => run(['history'])).toThrow(/loaded @saddle\/core/)
  })

  it('migrates in a pipe without escape codes', async () => {
    await repository('piped')
    const { code, stdout, stderr } = await start(['migrate', 'PROJ/piped', '--to', 'acme']).ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).not.toContain('\x1b')
    expect(await stage.clonedRefs('piped')).toBe(await stage.sourceRefs('piped'))
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('ends cleanly at the first %s, and goes on later', async (name) => {
    const slug = `stopped-${name.toLowerCase()}`
    await repository(slug)
    const hold = holdPush(slug)
    const { child, ended } = start(['migrate', `PROJ/${slug}`, '--to', 'acme'])
    await hold.fired
    child.kill(name)
    const { code, stderr } = await ended
    hold.remove()
    expect(code).toBe(130)
    expect(stderr).toMatch(/^cancelled: .*stays at the target.*\nGo on with: saddle retry \S+\n$/)
    const id = /saddle retry (\S+)/.exec(stderr)?.[1] ?? ''
    expect(await start(['retry', id]).ended).toMatchObject({ code: 0 })
    expect(await stage.clonedRefs(slug)).toBe(await stage.sourceRefs(slug))
  })

  it('ends at once at the second signal', async () => {
    await repository('twice')
    const hold = holdPush('twice')
    const { child, ended } = start(['migrate', 'PROJ/twice', '--to', 'acme'])
    await hold.fired
    child.kill('SIGINT')
    child.kill('SIGTERM')
    const { code, stdout } = await ended
    hold.remove()
    expect(code).toBe(130)
    expect(stdout).not.toContain('✓')
  })

  it('cancels when the reader of its output goes away', async () => {
    await repository('unread')
    const hold = holdPush('unread')
    const { child, ended } = start(['migrate', 'PROJ/unread', '--to', 'acme'])
    child.stdout?.once('data', () => child.stdout?.destroy())
    const { code, stderr } = await ended
    hold.remove()
    expect([code, stderr]).toEqual([130, ''])
  })

  it.runIf(process.platform === 'linux')('shows no secret to other users of the machine, nor in its store', async () => {
    await repository('secret')
    const hold = holdPush('secret')
    const { child, ended } = start(['migrate', 'PROJ/secret', '--to', 'acme'])
    await hold.fired
    const processes = execFileSync('ps', ['-eo', 'args', '-ww'], { encoding: 'utf8' })
    child.kill('SIGINT')
    const { stdout, stderr } = await ended
    hold.remove()
    const home = stage.env['SADDLE_HOME'] ?? ''
    const files = readdirSync(home).map((name) => readFileSync(`${home}/${name}`, 'latin1'))
    expect(files.join('')).toContain('PROJ')
    const secrets = [stage.env['SADDLE_BITBUCKET_TOKEN'], stage.env['SADDLE_GITHUB_TOKEN']] as string[]
    for (const secret of [...secrets, ...secrets.map((one) => Buffer.from(one).toString('base64').slice(0, -4)), ...secrets.map((one) => Buffer.from(`x-access-token:${one}`).toString('base64'))]) {
      for (const text of [processes, stdout, stderr, ...files]) expect(text).not.toContain(secret)
    }
  })
})

describe('killed without warning', () => {
  it.concurrent.each([
    ['before the repository is made', 'POST', '/api/v3/orgs/acme/repos'],
    ['before the pack is sent', 'POST', '/acme/%.git/git-receive-pack'],
    ['before the refs are read back', 'GET', '/acme/%.git/info/refs'],
  ])('%s, it is run again and finishes', { timeout: 120_000 }, async (when, method, path) => {
    const slug = `killed-${when.replaceAll(' ', '-')}`
    await repository(slug)
    const fault = stage.sandbox.github.fault({ method, path: path.replace('%', slug), times: 1, action: { before: () => void first.child.kill('SIGKILL') } })
    const first = start(['migrate', `PROJ/${slug}`, '--to', 'acme'])
    expect((await first.ended).signal).toBe('SIGKILL')
    expect(fault.hits).toBe(1)
    const { code, stdout, stderr } = await start(['migrate', `PROJ/${slug}`, '--to', 'acme', '--json']).ended
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ type: 'report', status: 'completed', refs: { verified: 5 } })
    expect(await stage.clonedRefs(slug)).toBe(await stage.sourceRefs(slug))
    const listed = await start(['history', '--project', 'PROJ', '--json']).ended
    const records = listed.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { request: { source: { repository: string } } })
    expect(records.filter(({ request }) => request.source.repository === slug)).toHaveLength(1)
  })
})
