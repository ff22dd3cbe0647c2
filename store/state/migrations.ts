/** In order; a released migration never changes. Each is one string of SQL, applied in a transaction of its own. */
export const stateMigrations: readonly string[] = [
  // Alerting: incidents and what was decided about them, notifications from decision to delivery, poll cursors, and the
  // rows that still have to be mirrored to ClickHouse. Times are milliseconds since the epoch.
  `CREATE TABLE incidents (
    incident_id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    model TEXT NOT NULL,
    status TEXT NOT NULL,
    harm TEXT NOT NULL,
    severity TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    window_end_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    next_due_ms INTEGER,
    waiting INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    state TEXT NOT NULL,
    acknowledged_by TEXT,
    acknowledged_at_ms INTEGER
  ) STRICT;
  CREATE INDEX incidents_by_due ON incidents (next_due_ms) WHERE next_due_ms IS NOT NULL;
  CREATE INDEX incidents_by_start ON incidents (started_ms DESC, incident_id);
  CREATE INDEX incidents_by_status ON incidents (status);

  CREATE TABLE incident_decisions (
    id INTEGER PRIMARY KEY,
    incident_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    finding_ids TEXT NOT NULL,
    decided_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX incident_decisions_by_incident ON incident_decisions (incident_id, id);

  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_ms INTEGER NOT NULL,
    last_error TEXT,
    created_ms INTEGER NOT NULL,
    settled_ms INTEGER,
    UNIQUE (receiver, idempotency_key)
  ) STRICT;
  CREATE INDEX outbox_pending ON outbox (receiver, id) WHERE status = 'pending';
  CREATE INDEX outbox_by_incident ON outbox (incident_id, id);

  CREATE TABLE cursors (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;

  CREATE TABLE mirror_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL,
    batch TEXT,
    row TEXT NOT NULL
  ) STRICT`,
  // What a notifier must find again of what it sent about an incident, such as the message it edits.
  `CREATE TABLE receiver_memory (
    receiver TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (receiver, incident_id)
  ) STRICT`,
  // What people said and did: silences, verdicts on incidents, baselines they accepted. Matchers and specs are JSON.
  `CREATE TABLE silences (
    silence_id TEXT PRIMARY KEY,
    matchers TEXT NOT NULL,
    incident_id TEXT,
    created_by TEXT NOT NULL,
    comment TEXT,
    created_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    ended_by TEXT,
    ended_ms INTEGER
  ) STRICT;
  CREATE INDEX silences_by_until ON silences (until_ms);

  CREATE TABLE feedback (
    incident_id TEXT NOT NULL,
    given_by TEXT NOT NULL,
    model TEXT NOT NULL,
    verdict TEXT NOT NULL,
    comment TEXT,
    given_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (incident_id, given_by)
  ) STRICT;

  CREATE TABLE accepted_baselines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    acceptance_id TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    model TEXT NOT NULL,
    spec TEXT,
    configured TEXT,
    replaced TEXT NOT NULL,
    incident_id TEXT,
    accepted_by TEXT NOT NULL,
    comment TEXT,
    accepted_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX accepted_baselines_by_model ON accepted_baselines (environment, model, id);

  ALTER TABLE incidents ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE incidents ADD COLUMN acknowledged_comment TEXT;
  ALTER TABLE incident_decisions ADD COLUMN silences TEXT;
  CREATE INDEX incidents_held ON incidents (incident_id) WHERE held = 1`,
  // What is long over is removed. The ids stay: findings that are seen again must not be told again. When an incident was
  // written last is on the wall clock; those of before count from now.
  `CREATE TABLE forgotten_incidents (
    incident_id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    model TEXT NOT NULL,
    ended_ms INTEGER NOT NULL,
    forgotten_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX forgotten_incidents_by_end ON forgotten_incidents (ended_ms);
  ALTER TABLE incidents ADD COLUMN written_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE incidents SET written_ms = CAST(unixepoch('subsec') * 1000 AS INTEGER);
  CREATE INDEX incidents_by_writing ON incidents (written_ms)`,
];
