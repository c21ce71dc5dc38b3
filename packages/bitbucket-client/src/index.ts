/**
 * The source of a migration: a typed client of the Bitbucket Data Center REST API that only reads.
 *
 * @module @saddle/bitbucket-client
 */
export { BitbucketClient, type BitbucketClientOptions, type RepositoryFilter } from './client.ts'
export type * from './types.ts'
