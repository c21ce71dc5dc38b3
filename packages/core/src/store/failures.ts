import { SaddleError } from '@saddle/transport'

/** The errors of the {@link MigrationStore} contract, in one wording for every store. */
export const storeFailures = {
  unknownMigration: (id: string) =>
    new SaddleError('NOT_FOUND', `There is no migration ${id}.`, { context: { migrationId: id } }),
  idTaken: (id: string) =>
    new SaddleError('CONFLICT', `There is already a migration ${id}.`, { context: { migrationId: id } }),
  idempotencyKeyTaken: () =>
    new SaddleError('CONFLICT', 'There is already a migration with this idempotency key.', {
      context: { option: 'idempotencyKey' },
    }),
  eventOutOfOrder: (id: string, expected: number, got: number) =>
    new SaddleError('CONFLICT', `Event ${got} was to be stored where event ${expected} follows.`, {
      context: { migrationId: id },
    }),
  leaseLost: (key: string) =>
    new SaddleError(
      'LEASE_LOST',
      `Another process took over the work on ${key}; this one was silent for too long and stops. The migration goes on there.`,
    ),
  closed: () => new SaddleError('STORE_FAILED', 'The store was closed.'),
} as const
