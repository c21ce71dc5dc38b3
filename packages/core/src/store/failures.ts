import { SaddleError } from '@saddle/transport'

/** The errors of the `MigrationStore` contract, in one wording for every store. */
export const storeFailures = {
  /** Nothing with that id. */
  unknownMigration: (id: string) =>
    new SaddleError('NOT_FOUND', `There is no migration ${id}. Check the id (command: saddle history).`, { context: { migrationId: id } }),
  /** The id of a new one is in use. */
  idTaken: (id: string) =>
    new SaddleError('CONFLICT', `There is already a migration ${id}.`, { context: { migrationId: id } }),
  /** The idempotency key of a new one is in use. */
  idempotencyKeyTaken: () =>
    new SaddleError('CONFLICT', 'There is already a migration with this idempotency key.', {
      context: { option: 'idempotencyKey' },
    }),
  /** Events are numbered without a gap. */
  eventOutOfOrder: (id: string, expected: number, got: number) =>
    new SaddleError('CONFLICT', `Event ${got} was to be stored where event ${expected} follows.`, {
      context: { migrationId: id },
    }),
  /** A write with a fence that is not the newest any more. */
  leaseLost: (key: string) =>
    new SaddleError(
      'LEASE_LOST',
      `Another process took over the work on ${key}; this one was silent for too long and stops. The migration goes on there.`,
    ),
  /** Everything after `close`. */
  closed: () => new SaddleError('STORE_FAILED', 'The store was closed.'),
} as const
