/**
 * A Bitbucket Data Center and a GitHub on loopback, with real git behind them, to rehearse a migration on.
 *
 * @module @saddle/sandbox
 */
export { startSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts'
export type { BitbucketSandbox } from './bitbucket/bitbucket.ts'
export type * from './bitbucket/options.ts'
export type { Permission } from './bitbucket/model.ts'
export type { DataKind } from './bitbucket/routes/settings.ts'
export type { GitHubSandbox } from './github/github.ts'
export type { Level, Visibility } from './github/model.ts'
export type * from './github/options.ts'
export type { FaultAction, FaultHandle, FaultRule } from './faults.ts'
export type { RecordedRequest } from './http/recording.ts'
export type { LfsContent, StoredLfsObject } from './lfs/content.ts'
export type { LfsOptions } from './lfs/options.ts'
export type { LfsObject } from './lfs/store.ts'
export type { GeneratedSeed, Seed, SeedLfs } from './seed.ts'
export type { SandboxServer, ServerParts } from './server.ts'
