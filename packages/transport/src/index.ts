/**
 * How Saddle speaks HTTP: one client over one dispatcher (TLS, private authorities, proxy, timeouts), one retry policy,
 * budgets, one error type, one redaction.
 *
 * @module @saddle/transport
 */
export { abortError, throwIfAborted, type CallOptions } from './abort.ts'
export { isInsecure } from './address.ts'
export * from './budget.ts'
export { connectionDefaults, createDispatcher, type ConnectionOptions, type Timeouts } from './dispatcher.ts'
export * from './emitter.ts'
export * from './error.ts'
export * from './failure.ts'
export * from './git-remote.ts'
export * from './http-client.ts'
export * from './http-types.ts'
export * from './redact.ts'
export * from './retry-after.ts'
export * from './retry.ts'
export { Semaphore } from './semaphore.ts'
export { sleep } from './sleep.ts'
export { statusError, type FailedAnswer } from './status-error.ts'
export { withPublicAuthorities } from './tls.ts'
