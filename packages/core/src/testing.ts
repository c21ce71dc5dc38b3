/**
 * Contract suites: what every implementation of one of core's interfaces has to pass, ours and yours, and what tests of
 * one are written with.
 *
 * @module @saddle/core/testing
 */
export { jobQueueSuite, type QueueUnderTest } from './queue/contract.ts'
export { sessionStoreSuite, type SessionStoreUnderTest } from './session/contract.ts'
export type { FaultUnderWay, GitBackendUnderTest, History, RepositoryPair, TransferFault } from './git/contract/kit.ts'
export { gitBackendSuite, type Exceptions } from './git/contract/suite.ts'
export { migrationStoreSuite, type StoreUnderTest } from './store/contract.ts'
export { sampleEvent, sampleRecord } from './store/sample.ts'
export { eventually, type TestFunctions } from './test-functions.ts'
