import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { exitStatus, type ExitStatus } from './exit-status.ts'
import type { Io } from './io.ts'
import type { CommonOptions, MigrateOptions } from './options.ts'

/** What a command's function returns. */
type Outcome = Promise<ExitStatus>

/**
 * Runs the command.
 *
 * @param argv - the arguments behind the program's name
 * @returns what to exit with: 0 done, 1 failed, 2 usage, 3 partly done, 130 interrupted
 */
export async function main(argv: readonly string[], io: Io): Promise<ExitStatus> {
  let status: ExitStatus = exitStatus.done
  let options: CommonOptions = {}
  const program = programOf(io, (outcome, common) => {
    options = common
    return outcome.then((value) => {
      status = value
    })
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.done : exitStatus.usage
    const { reportFailure } = await import('./failure.ts')
    return reportFailure(error, io, options)
  }
}

/** The commands. What each needs is loaded when it is called, so that help and mistakes are told at once. */
function programOf(io: Io, run: (outcome: Outcome, options: CommonOptions) => Promise<void>): Command {
  const program = new Command('saddle')
    .description('Moves repositories from Bitbucket Data Center to GitHub: history, tags, notes and settings, verified.')
    .version(versionOfPackage(), '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => void io.stdout.write(text), writeErr: (text) => void io.stderr.write(text) })
    .showHelpAfterError('Try --help.')
    .addHelpText('after', environmentHelp)

  const command = (usage: string, text: string): Command =>
    program
      .command(usage)
      .description(text)
      .option('--json', 'print JSON, one object a line')
      .option('--debug', 'print the stack of an error')

  const migrationOptions = (one: Command): Command =>
    one
      .requiredOption('--to <owner/name>', 'where to: an organisation or user, with a repository name or without')
      .addOption(new Option('--visibility <who>', 'who may see a new repository').choices(['private', 'internal', 'public']))
      .option('--existing', 'migrate into a repository that exists')
      .option('--force', 'overwrite refs of the target that have diverged')
      .option('--prune', 'delete refs of the target that the source does not have')
      .option('--namespace <prefix>', 'a ref namespace to move, such as refs/heads/; may be repeated', collect)
      .option('--description <text>', 'a description in place of the source\'s')
      .option('--no-settings', 'leave default branch, topics, description and the archived flag alone')
      .addOption(new Option('--git <backend>', 'what moves the objects').choices(['auto', 'relay', 'native', 'isomorphic']))

  migrationOptions(command('migrate <PROJECT/slug>', 'move a repository, or bring it up to date')).action((source: string, options: MigrateOptions) =>
    run(import('./commands/migrate.ts').then(({ migrate }) => migrate(source, options, io)), options))
  migrationOptions(command('plan <PROJECT/slug>', 'say what a migration would do and what would be lost; writes nothing')).action((source: string, options: MigrateOptions) =>
    run(import('./commands/plan.ts').then(({ plan }) => plan(source, options, io)), options))
  migrationOptions(command('verify <PROJECT/slug>', 'compare source and target, ref by ref')).action((source: string, options: MigrateOptions) =>
    run(import('./commands/verify.ts').then(({ verify }) => verify(source, options, io)), options))
  command('inventory [PROJECT...]', 'list what is at the source')
    .option('--csv', 'print CSV')
    .action((projects: string[], options: CommonOptions & { csv?: boolean }) => run(import('./commands/inventory.ts').then(({ inventory }) => inventory(projects, options, io)), options))
  command('history', 'list migrations, newest first')
    .option('--status <status>', 'only those that are pending, in_progress, completed, failed or cancelled')
    .option('--limit <number>', 'how many', '50')
    .action((options: CommonOptions & { status?: string; limit: string }) => run(import('./commands/history.ts').then(({ history }) => history(options, io)), options))
  command('logs <id>', 'show what a migration reported')
    .option('--follow', 'wait for more until it ends')
    .action((id: string, options: CommonOptions & { follow?: boolean }) => run(import('./commands/logs.ts').then(({ logs }) => logs(id, options, io)), options))
  command('retry <id>', 'go on with a migration that failed, was cancelled, or whose process died')
    .action((id: string, options: CommonOptions) => run(import('./commands/migrate.ts').then(({ retry }) => retry(id, options, io)), options))
  command('cancel <id>', 'ask a running migration to stop')
    .action((id: string, options: CommonOptions) => run(import('./commands/cancel.ts').then(({ cancel }) => cancel(id, options, io)), options))
  command('doctor', 'check addresses, certificates, tokens and this machine')
    .option('--owner <owner>', 'also whether repositories can be created there')
    .action((options: CommonOptions & { owner?: string }) => run(import('./commands/doctor.ts').then(({ doctor }) => doctor(options, io)), options))
  command('sandbox', 'start a Bitbucket and a GitHub on this machine, to rehearse on')
    .option('--seed <path>', 'a local repository to put into it; may be repeated', collect)
    .option('--latency <ms>', 'delay of every request', '0')
    .action((options: CommonOptions & { seed?: string[]; latency: string }) => run(import('./commands/sandbox.ts').then(({ sandbox }) => sandbox(options, io)), options))
  command('demo', 'migrate real repositories between two servers on this machine, and prove it')
    .action((options: CommonOptions) => run(import('./commands/demo.ts').then(({ demo }) => demo(options, io)), options))
  return program
}

const collect = (value: string, all: string[] = []): string[] => [...all, value]

const versionOfPackage = (): string =>
  (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version

const environmentHelp = `
Environment:
  SADDLE_BITBUCKET_URL       address of the Bitbucket server, context path included
  SADDLE_BITBUCKET_TOKEN     HTTP access token (or SADDLE_BITBUCKET_USERNAME and SADDLE_BITBUCKET_PASSWORD)
  SADDLE_GITHUB_URL          REST base; https://api.github.com by default, https://host/api/v3 for an Enterprise Server
  SADDLE_GITHUB_TOKEN        token (or SADDLE_GITHUB_APP_ID and GITHUB_PRIVATE_KEY_PATH)
  SADDLE_HOME                where migrations are remembered; ~/.saddle by default
  SADDLE_CA_FILE             PEM certificates of a private authority
  HTTPS_PROXY, NO_PROXY      proxy, and hosts reached without it

Exit status: 0 done, 1 failed, 2 usage, 3 partly done, 130 interrupted.`
