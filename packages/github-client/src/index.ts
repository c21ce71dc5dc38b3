/**
 * A typed client of the GitHub REST API for migrations: repositories, access, organisations, teams, and where git
 * reaches a repository.
 *
 * @module @saddle/github-client
 */
export { gitHubBudget, gitHubLimits, webUrlOf } from './addresses.ts'
export * from './client.ts'
export { maxTopics, toRepositoryName, toTopic } from './names.ts'
export * from './oauth.ts'
export * from './types.ts'
