import { bulkSchema } from '../bulk/sqlite-schema.ts'

/**
 * The tables of the SQLite store. The record is stored as JSON; what is searched by has columns of its own. A change of
 * the schema is a new entry of {@link schemaSteps}, applied once to older files.
 */
export const schemaSteps: readonly string[] = [
  `
  CREATE TABLE migrations (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    status TEXT NOT NULL,
    project TEXT NOT NULL,
    repository TEXT NOT NULL,
    owner TEXT NOT NULL,
    target TEXT NOT NULL,
    started_by TEXT NOT NULL,
    idempotency_key TEXT,
    bulk_id TEXT,
    record TEXT NOT NULL
  );
  CREATE INDEX migrations_newest ON migrations (created_at, id);
  CREATE INDEX migrations_target ON migrations (target, created_at);
  CREATE INDEX migrations_bulk ON migrations (bulk_id, created_at) WHERE bulk_id IS NOT NULL;
  CREATE UNIQUE INDEX migrations_idempotency ON migrations (started_by, idempotency_key) WHERE idempotency_key IS NOT NULL;

  CREATE TABLE events (
    migration_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (migration_id, seq)
  ) WITHOUT ROWID;

  CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    migration_id TEXT NOT NULL,
    entry TEXT NOT NULL
  );
  CREATE INDEX journal_migration ON journal (migration_id, id);

  CREATE TABLE leases (
    key TEXT PRIMARY KEY,
    fence INTEGER NOT NULL,
    holder TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  bulkSchema,
]

/** Columns of the searchable fields, by the name that a query has for them. */
export const columns = {
  status: 'status',
  project: 'project',
  repository: 'repository',
  owner: 'owner',
  target: 'target',
  startedBy: 'started_by',
  idempotencyKey: 'idempotency_key',
  bulkId: 'bulk_id',
} as const
