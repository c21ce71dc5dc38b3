/**
 * Moves repositories from Bitbucket Data Center to GitHub: plan, migrate, verify, resume.
 *
 * @module @saddle/core
 */
export { BitbucketClient, type BitbucketAuth, type BitbucketClientOptions, type Repository as BitbucketRepository } from '@saddle/bitbucket-client'
export {
  GitHubClient, authorizationUrl, exchangeCode, gitHubBudget, gitHubLimits, refreshToken, webUrlOf,
  type AccessReport, type GitHubAuth, type GitHubClientOptions, type OAuthApp, type Organization, type RateLimit,
  type RepositoryPermissions, type TargetRepository as GitHubRepository, type Team, type TeamPermission, type TokenSource,
  type UserToken, type Viewer, type Visibility,
} from '@saddle/github-client'
export { showRefName } from '@saddle/git-relay'
export * from './bulk/index.ts'
export * from './engine.ts'
export * from './engine-options.ts'
export * from './events.ts'
export type { CreateOptions } from './filed.ts'
export * from './git/backend.ts'
export { RelayBackend } from './git/relay.ts'
export { takeInventory, type InventoryOptions, type InventoryRow } from './inventory.ts'
export * from './ledger.ts'
export * from './plan.ts'
export { migrationHandler, type HandlerParts } from './queue/handler.ts'
export { MemoryQueue } from './queue/memory.ts'
export * from './queue/queue.ts'
export * from './record.ts'
export * from './request.ts'
export * from './session/credentials.ts'
export { Keyring } from './session/keyring.ts'
export { MemorySessionStore } from './session/memory.ts'
export { SqliteSessionStore, type SqliteSessionStoreOptions } from './session/sqlite.ts'
export type { SessionStore } from './session/store.ts'
export * from './snapshot.ts'
export * from './store/store.ts'
export * from './teams/index.ts'
export { MemoryStore } from './store/memory.ts'
export { SqliteStore, type SqliteStoreOptions } from './store/sqlite.ts'
export type { Budget, BudgetCost, BudgetRate, BudgetWait, CallOptions, HostBudgetOptions, ToldLimit } from '@saddle/transport'
export { HostBudget, Redactor, SaddleError, Semaphore, errorCodes, isInsecure, withPublicAuthorities, type ErrorCode, type ErrorContext, type SerializedError } from '@saddle/transport'
