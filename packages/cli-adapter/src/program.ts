import { Command, InvalidArgumentError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import type { ExitStatus } from './exit-status.ts'
import type { Io } from './io.ts'
import type {
  BulkOptions, CommonOptions, DoctorOptions, HistoryOptions, InventoryOptions, LogsOptions, MigrateOptions,
  PruneOptions, SandboxOptions, ServeOptions, TeamsBulkOptions, TeamsOptions, WorkerOptions,
} from './options.ts'

/** Runs the function of a command and remembers what it is to exit with. */
export type Runner = (start: () => Promise<ExitStatus>, options: CommonOptions) => Promise<void>

/** All commands on one screen. What each one needs is loaded when it is called, so that help is told at once. */
export function programOf(io: Io, run: Runner): Command {
  const program = new Command('saddle')
    .description('Moves repositories from Bitbucket Data Center to GitHub: history, tags, notes and settings, verified.')
    .version(manifest.version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      // `main` says what is wrong.
      outputError: () => undefined,
    })
    .addHelpText('after', environmentHelp)

  const command = (usage: string, text: string): Command => common(program.command(usage).description(text))

  requestOptions(command('migrate <PROJECT/slug>', 'move a repository, or bring it up to date'))
    .action((source: string, options: MigrateOptions) => run(async () => (await import('./commands/migrate.ts')).migrate(source, options, io), options))

  requestOptions(command('plan <PROJECT/slug>', 'say what a migration would do and what would be lost; writes nothing'))
    .action((source: string, options: MigrateOptions) => run(async () => (await import('./commands/plan.ts')).plan(source, options, io), options))

  requestOptions(command('verify <PROJECT/slug>', 'compare source and target, ref by ref'))
    .action((source: string, options: MigrateOptions) => run(async () => (await import('./commands/verify.ts')).verify(source, options, io), options))

  command('inventory [PROJECT...]', 'list what is at the source, and what would be lost')
    .addOption(new Option('--csv', 'print CSV, for a spreadsheet').conflicts('json'))
    .action((projects: string[], options: InventoryOptions) => run(async () => (await import('./commands/inventory.ts')).inventory(projects, options, io), options))

  command('bulk [PROJECT]', 'move many repositories: of a project, or of a CSV map')
    .option('--to <owner>', 'where to: an organisation or user')
    .option('--include <glob>', 'only repositories whose slug matches; may be repeated', collect)
    .option('--exclude <glob>', 'no repository whose slug matches; may be repeated', collect)
    .option('--map <file.csv>', 'a line for each repository: source (PROJECT/slug), target, visibility, description, existing')
    .addOption(new Option('--visibility <who>', 'who may see new repositories (default: "private")').choices(['private', 'internal', 'public']))
    .option('--existing', 'the targets are repositories that exist')
    .option('--force', 'overwrite refs of the targets that have diverged')
    .option('--prune', 'delete refs of the targets that the sources do not have')
    .option('--no-archived', 'leave archived repositories where they are')
    .option('--concurrency <number>', 'repositories at once, in this process', whole(1, 200))
    .option('--report <file>', 'write a report at the end, as .json, .csv or .html; may be repeated', collect)
    .option('--dry-run', 'say what would be moved and what is in the way; writes nothing')
    .addOption(new Option('--resume <id>', 'continue a bulk migration whose process ended early').conflicts(['retry', 'map', 'to', 'dryRun']))
    .addOption(new Option('--retry <id>', 'try again what failed or was cancelled').conflicts(['map', 'to', 'dryRun']))
    .action((project: string | undefined, options: BulkOptions) => run(async () => (await import('./commands/bulk.ts')).bulk(project, options, io), options))

  command('report [id] [file...]', 'list bulk migrations, show one, or write reports of it (.json, .csv, .html)')
    .action((id: string | undefined, files: string[], options: CommonOptions) => run(async () => (await import('./commands/bulk.ts')).report(id, files, options, io), options))

  command('history', 'list migrations, newest first')
    .addOption(new Option('--status <status>', 'only those in this state').choices(['pending', 'in_progress', 'completed', 'failed', 'cancelled']))
    .option('--project <key>', 'only those from this project')
    .option('--owner <owner>', 'only those to this owner')
    .option('--limit <number>', 'how many', whole(1), 50)
    .action((options: HistoryOptions) => run(async () => (await import('./commands/history.ts')).history(options, io), options))

  command('prune', 'forget migrations and bulk migrations that ended long ago, with their logs')
    .requiredOption('--older-than <age>', 'such as 90d, 12w or 48h', age)
    .action((options: PruneOptions) => run(async () => (await import('./commands/prune.ts')).prune(options, io), options))

  command('logs <id>', 'show what a migration reported')
    .option('--follow', 'wait for more until it ends')
    .action((id: string, options: LogsOptions) => run(async () => (await import('./commands/logs.ts')).logs(id, options, io), options))

  command('retry <id>', 'go on with a migration that failed, was cancelled, or whose process died')
    .action((id: string, options: CommonOptions) => run(async () => (await import('./commands/migrate.ts')).retry(id, options, io), options))

  command('cancel <id>', 'stop a migration, whichever process runs it')
    .action((id: string, options: CommonOptions) => run(async () => (await import('./commands/cancel.ts')).cancel(id, options, io), options))

  command('doctor', 'check addresses, certificates, tokens and this machine')
    .option('--owner <owner>', 'also whether repositories can be created there')
    .action((options: DoctorOptions) => run(async () => (await import('./commands/doctor.ts')).doctor(options, io), options))

  const teams = program.command('teams').description("manage what an organisation's teams may do with its repositories")
  const teamsCommand = (usage: string, text: string) => common(teams.command(usage).description(text))

  teamsCommand('list <org>', 'list the teams of an organisation')
    .option('--repository <name>', 'only those of this repository, with what they may do')
    .addOption(new Option('--csv', 'print CSV, for a spreadsheet').conflicts('json'))
    .action((org: string, options: TeamsOptions) => run(async () => (await import('./commands/teams.ts')).listTeams(org, options, io), options))

  teamsCommand('set <org/repository> <team> <permission>', 'give a team (slug or id) a permission: read, triage, write, maintain or admin')
    .action((place: string, team: string, permission: string, options: CommonOptions) => run(async () => (await import('./commands/teams.ts')).setTeam(place, team, permission, options, io), options))

  teamsCommand('remove <org/repository> <team>', 'take a repository away from a team')
    .action((place: string, team: string, options: CommonOptions) => run(async () => (await import('./commands/teams.ts')).removeTeam(place, team, options, io), options))

  teamsCommand('bulk <org> [repository...]', 'change many at once, from options or a CSV file')
    .option('--team <team>', 'slug or id; may be repeated', collect)
    .option('--permission <name>', 'read, triage, write, maintain, admin, or none to take away')
    .addOption(new Option('--file <path>', 'CSV with the columns repository, team, permission').conflicts(['team', 'permission']))
    .option('--concurrency <number>', 'changes at once', whole(1, 50), 8)
    .addOption(new Option('--csv', 'print CSV, for a spreadsheet').conflicts('json'))
    .action((org: string, repositories: string[], options: TeamsBulkOptions) => run(async () => (await import('./commands/teams.ts')).bulkTeams(org, repositories, options, io), options))

  command('serve', 'start the HTTP server')
    .option('--port <port>', '0 for any free one', whole(0, 65_535), 8000)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--public-url <url>', 'the address that people reach it at; with https, cookies are Secure')
    .option('--allow-host <host>', 'another Host header to answer to; may be repeated', collect)
    .option('--allow-origin <origin>', 'an origin whose pages may call with credentials; may be repeated', collect)
    .option('--trust-proxy', 'believe the X-Forwarded headers of the proxy in front')
    .option('--github-redirect <url>', 'the page that GitHub sends people back to (default: /callback below --public-url)')
    .option('--concurrency <number>', 'repositories at once; 0 leaves the work to workers', whole(0, 1000), 4)
    .option('--metrics', 'serve GET /metrics for Prometheus; to everybody who can reach the server')
    .addOption(new Option('--session-fallback <where>', 'go on without Redis when it cannot be reached at the start').choices(['embedded']))
    .addOption(new Option('--log-level <level>', 'how much to log').choices(['debug', 'info', 'warn', 'error', 'silent']).default('info'))
    .action((options: ServeOptions) => run(async () => (await import('./commands/serve.ts')).serve(options, io), options))

  command('worker', 'work on what `saddle bulk` and servers put into the queue on Redis')
    .option('--concurrency <number>', 'repositories at once', whole(1, 200), 4)
    .addOption(new Option('--log-level <level>', 'how much to log').choices(['debug', 'info', 'warn', 'error', 'silent']).default('info'))
    .action((options: WorkerOptions) => run(async () => (await import('./commands/worker.ts')).worker(options, io), options))

  command('sandbox', 'start a Bitbucket and a GitHub on this machine, to rehearse on')
    .option('--seed <path>', 'a local repository to put into the Bitbucket; may be repeated', collect)
    .option('--bitbucket-port <port>', 'any free one by default', whole(0, 65_535), 0)
    .option('--github-port <port>', 'any free one by default', whole(0, 65_535), 0)
    .option('--tls', 'serve https, with a private authority')
    .option('--latency <ms>', 'delay of every request', whole(0), 0)
    .action((options: SandboxOptions) => run(async () => (await import('./commands/sandbox.ts')).sandbox(options, io), options))

  command('demo', 'migrate real repositories between two servers on this machine, and prove it')
    .action((options: CommonOptions) => run(async () => (await import('./commands/demo.ts')).demo(options, io), options))

  return program
}

/** What every command takes. */
const common = (command: Command): Command =>
  command.option('--json', 'print JSON: one object a line, the report last').option('--debug', 'print the stack of an error')

/** What `migrate`, `plan` and `verify` take. */
function requestOptions(command: Command): Command {
  return command
    .requiredOption('--to <owner/name>', 'where to: an organisation or user, with a repository name or without')
    .addOption(new Option('--visibility <who>', 'who may see a new repository (default: "private")').choices(['private', 'internal', 'public']))
    .option('--existing', 'the target is a repository that exists')
    .option('--force', 'overwrite refs of the target that have diverged')
    .option('--prune', 'delete refs of the target that the source does not have')
    .option('--namespace <prefix>', 'a ref namespace to move; may be repeated (default: refs/heads/, refs/tags/, refs/notes/)', collect)
    .option('--description <text>', "in place of the source's")
    .option('--no-settings', 'leave default branch, description, topics and the archived flag alone')
    .addOption(new Option('--git <backend>', 'what moves the objects (default: "auto")').choices(['auto', 'relay', 'native', 'isomorphic']))
}

const collect = (value: string, all: string[] = []): string[] => [...all, value]

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => (value: string): number => {
  const number = /^\d+$/.test(value) ? Number(value) : NaN
  if (number >= least && number <= most) return number
  throw new InvalidArgumentError(`Give a whole number ${most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`}.`)
}

const age = (value: string): number => {
  const [, number, unit] = /^(\d{1,6})\s*([hdw])$/.exec(value) ?? []
  if (number !== undefined) return Number(number) * { h: 1, d: 24, w: 7 * 24 }[unit as 'h' | 'd' | 'w'] * 3_600_000
  throw new InvalidArgumentError('Give a number of hours, days or weeks: 48h, 90d, 12w.')
}

const environmentHelp = `
Environment:
  SADDLE_BITBUCKET_URL       address of the Bitbucket server, context path included
  SADDLE_BITBUCKET_TOKEN     HTTP access token (or SADDLE_BITBUCKET_USERNAME and SADDLE_BITBUCKET_PASSWORD)
  SADDLE_GITHUB_URL          REST base; https://api.github.com by default, https://host/api/v3 for an Enterprise Server
  SADDLE_GITHUB_TOKEN        token (or SADDLE_GITHUB_APP_ID and GITHUB_PRIVATE_KEY_PATH)
  SADDLE_GITHUB_CLIENT_ID    with SADDLE_GITHUB_CLIENT_SECRET: the GitHub App that people log in to the server with
  SADDLE_SESSION_KEYS        keys that the server encrypts credentials with, the current one first, separated by commas
  SADDLE_REDIS_URL           Redis, where workers and servers share all of it
  SADDLE_HOME                where migrations are remembered; ~/.saddle by default
  SADDLE_CA_FILE             PEM certificates of a private authority
  HTTPS_PROXY, NO_PROXY      proxy, and hosts reached without it
  NO_COLOR, FORCE_COLOR      without colours, or with them in a pipe too

Exit status: 0 done, 1 failed, 2 usage, 3 partly done (some refs were rejected, some repositories did not arrive), 130 interrupted.`
