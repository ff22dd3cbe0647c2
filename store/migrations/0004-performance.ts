export const version = 4;

export const statements: readonly string[] = [
  // What deciding on performance remembers after each window whose labels were due: the newest of a baseline counts.
  `CREATE TABLE IF NOT EXISTS performance_states (
    environment LowCardinality(String),
    model LowCardinality(String),
    baseline_id String,
    window_start DateTime64(3, 'UTC'),
    window_end DateTime64(3, 'UTC'),
    revision UInt32,
    state String,
    evaluated_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(revision)
  PARTITION BY toYYYYMM(window_start)
  ORDER BY (environment, model, baseline_id, window_start)
  TTL toDateTime(evaluated_at) + INTERVAL 90 DAY`,

  // Empty: what really happened. Else the outcome of that name, a number of the user's own such as revenue.
  "ALTER TABLE labels ADD COLUMN IF NOT EXISTS name LowCardinality(String)",
];
