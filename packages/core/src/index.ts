/**
 * Moves repositories from Bitbucket Data Center to GitHub: plan, migrate, verify, resume.
 *
 * @packageDocumentation
 */
export * from './events.ts'
export * from './git/backend.ts'
export * from './ledger.ts'
export * from './plan.ts'
export * from './record.ts'
export * from './request.ts'
export * from './snapshot.ts'
export * from './store/store.ts'
export { Redactor, SaddleError, errorCodes, type ErrorCode, type ErrorContext, type SerializedError } from '@saddle/transport'
