/** The tables of `SqliteBulkStore`: one row for each bulk migration, one for each of its repositories. */
export const bulkSchema = `
  CREATE TABLE bulks (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    status TEXT NOT NULL,
    started_by TEXT NOT NULL,
    idempotency_key TEXT,
    record TEXT NOT NULL
  );
  CREATE INDEX bulks_newest ON bulks (created_at, id);
  CREATE UNIQUE INDEX bulks_idempotency ON bulks (started_by, idempotency_key) WHERE idempotency_key IS NOT NULL;

  CREATE TABLE bulk_items (
    bulk_id TEXT NOT NULL,
    item_index INTEGER NOT NULL,
    status TEXT NOT NULL,
    revision INTEGER NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (bulk_id, item_index)
  );
  CREATE INDEX bulk_items_status ON bulk_items (bulk_id, status, item_index);
  CREATE INDEX bulk_items_revision ON bulk_items (bulk_id, revision);
`
