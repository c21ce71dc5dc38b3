import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { promisify } from 'node:util'

/** Settings every git process of the sandbox runs with, so that nothing of the machine's own configuration shows. */
const baseConfig: Record<string, string> = {
  'safe.directory': '*',
  'gc.auto': '0',
  // Nothing here outlives the process: no write waits for a disk.
  'core.fsync': 'none',
  'receive.autogc': 'false',
  // A push stays the pack that it came as, as on the vendors' servers, whatever its size.
  'receive.unpackLimit': '1',
  'maintenance.auto': 'false',
  'core.precomposeUnicode': 'false',
  'user.name': 'Sandbox',
  'user.email': 'sandbox@example.invalid',
}

/** The git of this machine, run with an environment made from scratch. */
export class Git {
  private constructor(
    /** The folder that holds `git-http-backend` and the other programs of git. */
    readonly execPath: string,
  ) {}

  /**
   * Finds git in the search path of the current process.
   * @throws Error when there is none.
   */
  static async locate(): Promise<Git> {
    try {
      const { stdout } = await promisify(execFile)('git', ['--exec-path'])
      return new Git(stdout.trim())
    } catch (cause) {
      throw new Error('The sandbox needs git in the search path', { cause })
    }
  }

  /** The environment of a git process: no configuration but `config`, no prompt, no variable of the caller's. */
  environment(config: Record<string, string | readonly string[]> = {}): Record<string, string> {
    const entries = Object.entries({ ...baseConfig, ...config })
      .flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : value.map((one) => [key, one])))
    const environment: Record<string, string> = {
      PATH: `${this.execPath}:/usr/local/bin:/usr/bin:/bin`,
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      GIT_CONFIG_COUNT: String(entries.length),
    }
    entries.forEach(([key, value], index) => {
      environment[`GIT_CONFIG_KEY_${index}`] = key!
      environment[`GIT_CONFIG_VALUE_${index}`] = value!
    })
    return environment
  }

  /** Starts `git <args>` in a folder, with pipes on all three streams. */
  start(cwd: string, args: readonly string[], config?: Record<string, string>): ChildProcessWithoutNullStreams {
    return spawn(`${this.execPath}/git`, args, { cwd, env: this.environment(config) })
  }

  /**
   * Runs `git <args>` in a folder and returns what it wrote.
   * @throws Error with git's own words when it fails.
   */
  async run(cwd: string, args: readonly string[], input = ''): Promise<string> {
    const child = this.start(cwd, args)
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {}) // git that ends before reading its input says why itself
    child.stdin.end(input)
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (code !== 0) throw new Error(`git ${args[0]} failed (${code}): ${Buffer.concat(err).toString().trim()}`)
    return Buffer.concat(out).toString()
  }
}
