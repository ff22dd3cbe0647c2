export const version = 5;

export const statements: readonly string[] = [
  // What the fast cadence learnt of a baseline's rows, so that a start need not count them again. Derived and rebuildable:
  // `digest` names what was counted and how, and what is not found is counted.
  `CREATE TABLE IF NOT EXISTS fast_references (
    environment LowCardinality(String),
    model LowCardinality(String),
    baseline_id String,
    digest FixedString(64),
    learnt String,
    learnt_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(learnt_at)
  ORDER BY (environment, model, baseline_id, digest)
  TTL toDateTime(learnt_at) + INTERVAL 400 DAY`,
];
