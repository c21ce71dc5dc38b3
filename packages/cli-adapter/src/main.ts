import { CommanderError } from 'commander'
import { exitStatus, type ExitStatus } from './exit-status.ts'
import type { Io } from './io.ts'
import type { CommonOptions } from './options.ts'
import { programOf } from './program.ts'
import { styleOf } from './render/style.ts'

/**
 * Runs the command. It reads nothing of the process but what `io` holds, and never ends it.
 *
 * @param argv - the arguments behind the program's name
 * @returns what to exit with: 0 done, 1 failed, 2 usage, 3 partly done, 130 interrupted
 */
export async function main(argv: readonly string[], io: Io): Promise<ExitStatus> {
  let status: ExitStatus = exitStatus.done
  let options: CommonOptions = {}
  const program = programOf(io, async (start, common) => {
    options = common
    status = await start()
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(error, io)
    const { reportFailure } = await import('./failure.ts')
    return reportFailure(error, io, options)
  }
}

/** Help and version are no mistakes; a mistake is said in one line. */
function reportUsage({ exitCode, code, message }: CommanderError, io: Io): ExitStatus {
  if (exitCode === 0) return exitStatus.done
  if (code === 'commander.help') return exitStatus.usage
  const { colour } = styleOf(io.stderr, io.env)
  const text = message.replace(/^error: /, '').replace(/\n\(/g, ' (').replace(/\.?$/, '.')
  io.stderr.write(`${colour.red('error:')} ${text} Try --help.\n`)
  return exitStatus.usage
}
