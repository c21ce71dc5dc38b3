import { SaddleError } from '@saddle/transport'

/** The errors of the `BulkStore` contract, in one wording for every store. */
export const bulkFailures = {
  /** Nothing with that id. */
  unknown: (id: string) => new SaddleError('NOT_FOUND', `There is no bulk migration ${id}. Check the id (command: saddle report).`),
  /** No repository with that number. */
  unknownItem: (id: string, index: number) =>
    new SaddleError('NOT_FOUND', `The bulk migration ${id} has no repository number ${index}.`),
  /** The id of a new one is in use. */
  idTaken: (id: string) => new SaddleError('CONFLICT', `There is already a bulk migration ${id}.`),
  /** The idempotency key of a new one is in use. */
  idempotencyKeyTaken: () =>
    new SaddleError('CONFLICT', 'There is already a bulk migration with this idempotency key.', { context: { option: 'idempotencyKey' } }),
  /** Another process runs it. */
  running: (id: string) =>
    new SaddleError('MIGRATION_RUNNING', `The bulk migration ${id} is running. Follow its events, or cancel it.`),
  /** Why a run stops that somebody cancelled. */
  cancelled: () => new SaddleError('ABORTED', 'The bulk migration was cancelled.'),
} as const
