import type { GitChoice, MigrationStatus, Visibility } from '@saddle/core'

/** Options that every command takes. */
export interface CommonOptions {
  json?: boolean
  debug?: boolean
}

/** How much `serve` and `worker` log. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** What `migrate`, `plan` and `verify` take. */
export interface MigrateOptions extends CommonOptions {
  to: string
  visibility?: Visibility
  existing?: boolean
  force?: boolean
  prune?: boolean
  namespace?: string[]
  description?: string
  settings: boolean
  git?: GitChoice
}

/** What `inventory` takes. */
export interface InventoryOptions extends CommonOptions {
  csv?: boolean
}

/** What `history` takes. */
export interface HistoryOptions extends CommonOptions {
  status?: MigrationStatus
  project?: string
  owner?: string
  limit: number
}

/** What `bulk` takes. */
export interface BulkOptions extends CommonOptions {
  to?: string
  include?: string[]
  exclude?: string[]
  /** A CSV file. */
  map?: string
  visibility?: Visibility
  existing?: boolean
  force?: boolean
  prune?: boolean
  /** Whether archived repositories are taken as well. */
  archived: boolean
  concurrency?: number
  /** Files to write reports to. */
  report?: string[]
  dryRun?: boolean
  /** Id of a bulk migration to continue. */
  resume?: string
  /** Id of a bulk migration whose failures are tried again. */
  retry?: string
}

/** What `worker` takes. */
export interface WorkerOptions extends CommonOptions {
  concurrency: number
  logLevel: LogLevel
}

/** What `prune` takes. */
export interface PruneOptions extends CommonOptions {
  /** Milliseconds. */
  olderThan: number
}

/** What `logs` takes. */
export interface LogsOptions extends CommonOptions {
  follow?: boolean
}

/** What `doctor` takes. */
export interface DoctorOptions extends CommonOptions {
  owner?: string
}

/** What `sandbox` takes. */
export interface SandboxOptions extends CommonOptions {
  seed?: string[]
  bitbucketPort: number
  githubPort: number
  tls?: boolean
  /** Milliseconds. */
  latency: number
}

/** What `serve` takes. */
export interface ServeOptions extends CommonOptions {
  port: number
  host: string
  publicUrl?: string
  allowHost?: string[]
  allowOrigin?: string[]
  trustProxy?: boolean
  githubRedirect?: string
  /** Repositories at once; 0 leaves the work to workers. */
  concurrency: number
  sessionFallback?: 'embedded'
  metrics?: boolean
  logLevel: LogLevel
}

/** What `teams` takes. */
export interface TeamsOptions extends CommonOptions {
  repository?: string
  csv?: boolean
}

/** What `teams bulk` takes. */
export interface TeamsBulkOptions extends TeamsOptions {
  team?: string[]
  permission?: string
  file?: string
  concurrency: number
}
