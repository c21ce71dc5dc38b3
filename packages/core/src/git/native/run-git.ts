import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { SaddleError, type GitRemote } from '@saddle/transport'

/** How to run git. */
export interface GitRun {
  /** Everything after `git`, operands behind `--` or otherwise unable to be taken for options. */
  args: readonly string[]
  /** The bare repository; passed as GIT_DIR, never found by looking around. */
  gitDirectory: string
  /** The server that the command talks to: its credentials reach git through the environment alone. */
  remote?: GitRemote | undefined
  /** PEM file with private authorities. */
  caFile?: string | undefined
  proxy?: string | undefined
  stdin?: string | Uint8Array | undefined
  signal?: AbortSignal | undefined
  /** Called with each line of standard error, progress lines included; already redacted. */
  onLine?: ((line: string) => void) | undefined
}

/** What came of a run that ended; a status other than 0 is for the caller to judge. */
export interface GitOutcome {
  status: number
  /** The last 64 KiB of standard error, redacted. */
  stderr: string
}

const stderrKept = 64 * 1024

/** What a fetch draws from the server's budget: one or two requests for the refs, and one for the pack. */
const requestsOfFetch = 3

/**
 * Runs git to its end, and collects what it writes. Environment and errors as of {@link startGit}. A command that talks to a
 * server waits for its place in that server's budget.
 */
export async function runGit(run: GitRun): Promise<GitOutcome & { stdout: Buffer }> {
  const leave = await run.remote?.http.enter(new URL(run.remote.url), { cost: { points: requestsOfFetch }, signal: run.signal })
  try {
    const { stdout, ended } = await startGit(run)
    const output: Buffer[] = []
    for await (const chunk of stdout) output.push(chunk as Buffer)
    return { ...(await ended), stdout: Buffer.concat(output) }
  } finally {
    leave?.()
  }
}

/** A git that runs. */
export interface RunningGit {
  /** To be read to its end, or the run is to be stopped. */
  stdout: Readable
  ended: Promise<GitOutcome>
  /** Ends it and its helpers at once, if they still run. */
  stop: () => void
}

/**
 * Starts git with an environment made from nothing: no configuration of the machine or the user, no helpers, no prompts,
 * no inherited variables (of which some, such as GIT_SSH_COMMAND or GIT_PROXY_COMMAND, run programs), only http(s), no
 * redirects (git would send our authorisation header along to another host). Credentials travel in GIT_CONFIG_VALUE
 * variables, which other users cannot read; arguments and addresses can be read by everybody on the machine.
 *
 * @throws BACKEND_UNAVAILABLE when there is no git; ABORTED when the signal fired; both from `ended`
 */
export async function startGit(run: GitRun): Promise<RunningGit> {
  const { args, gitDirectory, remote, stdin, signal, onLine } = run
  if (signal?.aborted) throw new SaddleError('ABORTED', 'The operation was cancelled.')
  const env = { ...baseEnvironment(gitDirectory), ...(await configuration(run)) }
  const redact = (text: string): string => remote?.http.redactor.redact(text) ?? text
  // A process group of its own, so that git's helpers end with it.
  const child = spawn('git', [...args], { cwd: gitDirectory, env, stdio: ['pipe', 'pipe', 'pipe'], detached: process.platform !== 'win32' })
  let stderr = ''
  let line = ''
  const stop = () => {
    try {
      if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, 'SIGKILL')
      else child.kill('SIGKILL')
    } catch {
      // It ended by itself in the meantime.
    }
  }
  signal?.addEventListener('abort', stop, { once: true })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-stderrKept)
    const lines = (line + chunk).split(/[\r\n]+/)
    line = lines.pop() ?? ''
    for (const text of lines) if (text) onLine?.(redact(text))
  })
  child.stdin.on('error', () => undefined).end(stdin)
  const ended = new Promise<GitOutcome>((resolve, reject) => {
    child.on('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'ENOENT'
          ? new SaddleError('BACKEND_UNAVAILABLE', 'The native git backend needs the git program, and none was found on the PATH. Install git 2.31 or newer, or choose another backend.', { cause })
          : new SaddleError('BACKEND_UNAVAILABLE', `git could not be started (${cause.code ?? cause.message}).`, { cause }),
      )
    })
    child.on('close', (status) => {
      if (signal?.aborted) reject(new SaddleError('ABORTED', 'The operation was cancelled.'))
      else resolve({ status: status ?? 128, stderr: redact(stderr) })
    })
  }).finally(() => signal?.removeEventListener('abort', stop))
  // Who reads the output first learns of it there.
  ended.catch(() => undefined)
  return { stdout: child.stdout, ended, stop }
}

function baseEnvironment(gitDirectory: string): Record<string, string> {
  const { PATH, SystemRoot, TMPDIR } = process.env
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(SystemRoot === undefined ? {} : { SystemRoot }),
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    GIT_DIR: gitDirectory,
    HOME: gitDirectory,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_ALLOW_PROTOCOL: 'https:http',
    GIT_OPTIONAL_LOCKS: '0',
  }
}

/** Settings as `GIT_CONFIG_*` variables (git 2.31). */
async function configuration({ remote, caFile, proxy, signal }: GitRun): Promise<Record<string, string>> {
  const settings: [string, string][] = [
    ['credential.helper', ''],
    ['http.followRedirects', 'false'],
    ['http.sslVerify', 'true'],
    ['core.hooksPath', '/dev/null'],
    ['fetch.fsckObjects', 'false'],
    ['transfer.unpackLimit', '1'],
    ['gc.auto', '0'],
    // The repository is thrown away: no write of it waits for the disk.
    ['core.fsync', 'none'],
    ['maintenance.auto', 'false'],
    ['pack.threads', '0'],
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', '600'],
    ['submodule.recurse', 'false'],
    ...(caFile === undefined ? [] : [['http.sslCAInfo', caFile] as [string, string]]),
    ['http.proxy', proxy ?? ''],
  ]
  if (remote) {
    // Bound to the one address, so that no other request of the same command carries it.
    for (const [name, value] of Object.entries(await remote.http.authorization(signal))) {
      settings.push([`http.${remote.url}.extraHeader`, `${name}: ${value}`])
    }
  }
  const variables: Record<string, string> = { GIT_CONFIG_COUNT: String(settings.length) }
  settings.forEach(([key, value], index) => {
    variables[`GIT_CONFIG_KEY_${index}`] = key
    variables[`GIT_CONFIG_VALUE_${index}`] = value
  })
  return variables
}
