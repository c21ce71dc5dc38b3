import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'

/** What an unmodified git said. */
export interface GitOutcome {
  readonly ok: boolean
  readonly out: string
  readonly err: string
}

/**
 * Runs the machine's own git; a failure is an outcome. Credentials travel in the environment.
 * @param origin the only server that they go to; any by default
 */
export async function tryGit(cwd: string, args: readonly string[], authorization?: string, origin?: string): Promise<GitOutcome> {
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: tmpdir(),
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@example.invalid', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@example.invalid',
    ...(authorization
      ? { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: origin ? `http.${origin}/.extraHeader` : 'http.extraHeader', GIT_CONFIG_VALUE_0: `Authorization: ${authorization}` }
      : {}),
  }
  return promisify(execFile)('git', [...args], { cwd, env, maxBuffer: 1 << 28 }).then(
    ({ stdout, stderr }) => ({ ok: true, out: stdout, err: stderr }),
    (error: { stdout?: string; stderr?: string; message: string }) => ({ ok: false, out: error.stdout ?? '', err: error.stderr ?? error.message }),
  )
}

/** Runs git and returns what it wrote; a failure is an error. */
export async function git(cwd: string, args: readonly string[], authorization?: string, origin?: string): Promise<string> {
  const { ok, out, err } = await tryGit(cwd, args, authorization, origin)
  if (!ok) throw new Error(`git ${args.join(' ')}: ${err}`)
  return out
}

export const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
export const bearer = (token: string): string => `Bearer ${token}`

const folders: string[] = []
afterAll(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))))

/** A temporary folder, removed after the file's tests. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'saddle-sandbox-test-'))
  folders.push(folder)
  return folder
}

/** Branches, tags and notes with what they point at. */
export const refsOf = (path: string): Promise<string> =>
  git(path, ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags', 'refs/notes'])

/** An answer of a REST API. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // The shape is what the tests are about.
  readonly body: any
}

/** A caller of a REST API that follows no redirects. */
export function rest(base: string, authorization?: string) {
  return async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const response = await fetch(base + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(authorization ? { authorization } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    let parsed: unknown = text
    if (response.headers.get('content-type')?.includes('json') && text) parsed = JSON.parse(text)
    return { status: response.status, headers: response.headers, body: parsed }
  }
}
