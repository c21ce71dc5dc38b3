import { execFile } from 'node:child_process'
import { stat, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'
import { SaddleError } from '@saddle/core'
import { withStore } from '../engine.ts'
import { homeDirectory } from '../environment.ts'
import type { Io } from '../io.ts'
import { bytes } from '../render/format.ts'
import { bad, good, warning, type Finding } from './check.ts'

/** The oldest Node that Saddle is tried with. */
const oldestNode = [20, 19] as const
/** The oldest git that takes its settings from the environment (GIT_CONFIG_COUNT). */
const oldestGit = [2, 31] as const
/** Below this, a store that is written to all the time may soon have no room. */
const littleRoom = 100 * 1024 * 1024

/** Looks at what Saddle needs of this machine. */
export async function* checkMachine(io: Io): AsyncGenerator<Finding> {
  yield nodeFinding(process.versions.node)
  yield await gitFinding(io)
  yield* homeFindings(io)
}

/** What to think of a version of Node. */
export function nodeFinding(version: string): Finding {
  if (isAtLeast(version, oldestNode)) return good('Node', version)
  return bad('Node', `${version} is too old`, `Install Node ${oldestNode.join('.')} or newer.`)
}

async function gitFinding({ env, signal }: Io): Promise<Finding> {
  const needed = 'Migrations do without it, except those of more than GitHub takes in one push (2 GiB); the sandbox and the demo need it.'
  try {
    const { stdout } = await promisify(execFile)('git', ['--version'], { env: { PATH: env['PATH'], LC_ALL: 'C' }, ...(signal ? { signal } : {}) })
    const version = /\d+\.\d+[.\d]*/.exec(stdout)?.[0] ?? ''
    if (isAtLeast(version, oldestGit)) return good('git', version)
    return warning('git', `${version || 'of unknown version'} is too old`, `Install git ${oldestGit.join('.')} or newer. ${needed}`)
  } catch (error) {
    if (signal?.aborted) throw SaddleError.from(error)
    return warning('git', 'no git program was found', `Install git ${oldestGit.join('.')} or newer and see that it is on the PATH. ${needed}`)
  }
}

async function* homeFindings(io: Io): AsyncGenerator<Finding> {
  const check = 'Store'
  const home = homeDirectory(io.env)
  try {
    await withStore(io, (store) => store.listMigrations({ limit: 1 }))
  } catch (thrown) {
    // The error says itself what to do.
    yield { check, outcome: 'bad', text: SaddleError.from(thrown).message }
    return
  }
  yield good(check, `${home} can be written to`)
  const { mode } = await stat(home)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    yield warning(check, `${home} can be read by other users of this machine`, `It holds no credentials, but names of repositories. chmod 700 ${home}`)
  }
  const { bavail, bsize } = await statfs(home)
  if (bavail * bsize < littleRoom) yield warning(check, `only ${bytes(bavail * bsize)} are left on the disk of ${home}`, 'Make room, or name a folder on another disk with SADDLE_HOME.')
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number)
  return first > major || (first === major && second >= minor)
}
