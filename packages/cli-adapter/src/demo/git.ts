import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** How to run git on its own, beside Saddle. */
export interface GitOptions {
  /** Where to run it. */
  cwd: string
  /** The search path. */
  path: string | undefined
  /** A server's address and the header that authorises requests to it; neither shows in the list of processes. */
  authorize?: { url: string; header: string }
  signal?: AbortSignal | undefined
}

const largestOutput = 256 * 1024 * 1024

/** Runs git with nothing of this machine's or the user's configuration and returns what it wrote, trimmed. */
export async function git(args: readonly string[], { cwd, path, authorize, signal }: GitOptions): Promise<string> {
  const settings = [
    ['safe.directory', '*'], ['user.name', 'Ada Example'], ['user.email', 'ada@example.invalid'],
    ...(authorize ? [[`http.${authorize.url}/.extraHeader`, authorize.header]] : []),
  ]
  const env: NodeJS.ProcessEnv = {
    PATH: path, HOME: cwd, LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(settings.length),
  }
  settings.forEach(([key, value], index) => {
    env[`GIT_CONFIG_KEY_${index}`] = key
    env[`GIT_CONFIG_VALUE_${index}`] = value
  })
  const { stdout } = await promisify(execFile)('git', [...args], { cwd, env, maxBuffer: largestOutput, ...(signal ? { signal } : {}) })
  return stdout.trim()
}

/** Every ref that a migration moves, with the hash it points to: one a line, in the order of their names. */
export const refsOf = (options: GitOptions): Promise<string> =>
  git(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags', 'refs/notes'], options)
