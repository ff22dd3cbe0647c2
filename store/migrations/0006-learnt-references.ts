export const version = 6;

export const statements: readonly string[] = [
  // What deciding needs of a baseline's windows, so that a start need not read and learn from all of them. Derived and
  // rebuildable: `digest` names what was learnt from and how, and what is not found is learnt.
  `CREATE TABLE IF NOT EXISTS learnt_references (
    environment LowCardinality(String),
    model LowCardinality(String),
    baseline_id String,
    digest FixedString(64),
    learnt String CODEC(ZSTD(1)),
    learnt_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(learnt_at)
  ORDER BY (environment, model, baseline_id, digest)
  TTL toDateTime(learnt_at) + INTERVAL 400 DAY`,
];
