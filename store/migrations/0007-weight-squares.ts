export const version = 7;

export const statements: readonly string[] = [
  // Σw² of each bin of a profile, and of the rows of its most frequent new category: of weighted rows alone, and so in a table
  // of its own. Derived and rebuildable. What is not found (profiles of before) is taken as spread like the weights.
  `CREATE TABLE IF NOT EXISTS profile_weight_squares (
    environment LowCardinality(String),
    model LowCardinality(String),
    baseline_id String,
    kind LowCardinality(String),
    window_start DateTime64(3, 'UTC'),
    revision UInt32,
    role LowCardinality(String),
    feature LowCardinality(String),
    version LowCardinality(String),
    slice String,
    bin_index Array(UInt16),
    bin_squares Array(Float64),
    unseen_top_squares Float64,
    computed_at DateTime64(3, 'UTC'),
    expires_on Date
  ) ENGINE = ReplacingMergeTree(revision)
  PARTITION BY toYYYYMM(window_start)
  ORDER BY (environment, model, baseline_id, kind, window_start, role, feature, version, slice)
  TTL expires_on`,
];
