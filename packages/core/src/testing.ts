/**
 * Contract suites: what every implementation of one of core's interfaces has to pass, ours and yours.
 *
 * @packageDocumentation
 */
export { jobQueueSuite, type QueueUnderTest } from './queue/contract.ts'
export { sessionStoreSuite, type SessionStoreUnderTest } from './session/contract.ts'
export { gitBackendSuite, type GitBackendUnderTest, type RepositoryPair, type TransferFault } from './git/contract.ts'
export { migrationStoreSuite, type StoreUnderTest } from './store/contract.ts'
export type { TestFunctions } from './test-functions.ts'
