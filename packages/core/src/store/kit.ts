/**
 * For those who write a store of their own: what the stores of this package share, so that pages, followers and errors are
 * the same everywhere.
 *
 * @module @saddle/core/store/kit
 */
export { changeItem, isExpected, limitOf, newBulk, withChange, type BulkDelta } from '../bulk/change.ts'
export { bulkFailures } from '../bulk/failures.ts'
export { storeFailures } from './failures.ts'
export { readEvents, type EventLog } from './follow.ts'
export { conditions, decodeCursor, encodeCursor, newestFirst, pageLimit, searchFields, type PageMark } from './page.ts'
export { Watch, Watches } from './watch.ts'
