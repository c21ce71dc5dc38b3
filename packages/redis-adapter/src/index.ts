/**
 * Saddle on Redis, for more than one machine: store, sessions, queue and budgets that many processes share.
 *
 * @module @saddle/redis-adapter
 */
export { RedisBackend } from './backend.ts'
export { RedisBudget, type RedisBudgetOptions } from './budget.ts'
export { redisDefaults, RedisConnection, type RedisOptions } from './connection.ts'
export { queueDefaults, RedisQueue, type RedisQueueOptions } from './queue.ts'
export { RedisSessionStore } from './session-store.ts'
export { RedisStore } from './store/redis-store.ts'
