/**
 * The first tables. Facts are append-only; a table whose rows are replaced says by which column (`ReplacingMergeTree`),
 * and readers ask for the latest row themselves (`argMax` or `LIMIT 1 BY`), never for `FINAL`.
 *
 * The deduplication window is set on every table that is written with tokens: it must hold the inserts of the longest
 * recovery. Engine defaults differ between releases and between replicated and single-node tables, so both are named.
 */
export const version = 1;

// Column by column even for small parts: where an hour holds many models, runs are short, and a merge row by row costs twice.
const merging =
  "vertical_merge_algorithm_min_rows_to_activate = 1, vertical_merge_algorithm_min_columns_to_activate = 1";

const deduplication = "non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000";

export const statements: readonly string[] = [
  // Sorted by hour, not by instant: rows of one hour then merge as whole runs, where parts of several Kafka partitions
  // interleave row by row in time. It halves what the engine spends on an event (BENCHMARKS.md), and windows are hours.
  `CREATE TABLE IF NOT EXISTS events (
    environment LowCardinality(String),
    model LowCardinality(String),
    version LowCardinality(String),
    arm LowCardinality(String),
    event_time DateTime64(3, 'UTC'),
    event_id String,
    schema_id LowCardinality(String),
    num Array(Nullable(Float64)),
    cat Array(LowCardinality(Nullable(String))),
    prediction_num Nullable(Float64),
    prediction_class LowCardinality(Nullable(String)),
    scores Map(LowCardinality(String), Float64),
    entity_key String,
    trace_id String,
    latency_ms Nullable(Float64),
    weight Float64,
    cohorts Map(LowCardinality(String), LowCardinality(String)),
    attributions Map(LowCardinality(String), Float64),
    extra Map(String, String),
    topic LowCardinality(String),
    partition UInt32,
    offset Int64,
    ingest_time DateTime64(3, 'UTC'),
    expires_on Date
  ) ENGINE = MergeTree
  PARTITION BY toYYYYMM(event_time)
  ORDER BY (environment, model, version, toStartOfHour(event_time))
  TTL expires_on
  SETTINGS ${deduplication}, ${merging}`,

  `CREATE TABLE IF NOT EXISTS labels (
    environment LowCardinality(String),
    model LowCardinality(String),
    label_time DateTime64(3, 'UTC'),
    event_id String,
    entity_key String,
    label_num Nullable(Float64),
    label_class LowCardinality(Nullable(String)),
    topic LowCardinality(String),
    partition UInt32,
    offset Int64,
    ingest_time DateTime64(3, 'UTC'),
    expires_on Date
  ) ENGINE = MergeTree
  PARTITION BY toYYYYMM(label_time)
  ORDER BY (environment, model, toStartOfHour(label_time))
  TTL expires_on
  SETTINGS ${deduplication}`,

  `CREATE TABLE IF NOT EXISTS feature_schemas (
    schema_id String,
    model LowCardinality(String),
    names Array(String),
    types Array(LowCardinality(String)),
    created_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(created_at)
  ORDER BY (model, schema_id)`,

  // One row whenever a model is first seen or changes its standing.
  `CREATE TABLE IF NOT EXISTS models (
    model LowCardinality(String),
    origin LowCardinality(String),
    schema_id String,
    first_seen DateTime64(3, 'UTC'),
    updated_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(updated_at)
  ORDER BY model`,

  // Written by collectors every second or so: how far each partition has been read, whether or not anything arrived.
  `CREATE TABLE IF NOT EXISTS partition_progress (
    consumer_group LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    next_offset Int64,
    lag Int64,
    last_message_at DateTime64(3, 'UTC'),
    reported_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(reported_at)
  ORDER BY (consumer_group, topic, partition)
  TTL toDateTime(reported_at) + INTERVAL 7 DAY`,

  `CREATE TABLE IF NOT EXISTS baselines (
    environment LowCardinality(String),
    model LowCardinality(String),
    baseline_id String,
    spec String,
    rows UInt64,
    from_time DateTime64(3, 'UTC'),
    to_time DateTime64(3, 'UTC'),
    window_ms UInt64,
    created_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(created_at)
  ORDER BY (environment, model, baseline_id)`,

  // The bins of each series of a baseline; categories by count descending, then by bytes.
  `CREATE TABLE IF NOT EXISTS baseline_series (
    baseline_id String,
    role LowCardinality(String),
    feature LowCardinality(String),
    version LowCardinality(String),
    slice String,
    kind LowCardinality(String),
    edges Array(Float64),
    decile_edges Array(UInt16),
    categories Array(String),
    distinct UInt64,
    singletons UInt64,
    created_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(created_at)
  ORDER BY (baseline_id, role, feature, version, slice)`,

  // Derived and rebuildable. kind: 'reference' (sub-windows of a baseline) or 'live'; bins are sparse.
  `CREATE TABLE IF NOT EXISTS profiles (
    environment LowCardinality(String),
    model LowCardinality(String),
    baseline_id String,
    kind LowCardinality(String),
    window_start DateTime64(3, 'UTC'),
    window_end DateTime64(3, 'UTC'),
    revision UInt32,
    role LowCardinality(String),
    feature LowCardinality(String),
    version LowCardinality(String),
    slice String,
    rows UInt64,
    weight Float64,
    weight_squares Float64,
    present_rows UInt64,
    present_weight Float64,
    present_weight_squares Float64,
    missing Float64,
    non_finite Float64,
    bin_index Array(UInt16),
    bin_weight Array(Float64),
    unlisted Float64,
    unseen Float64,
    unseen_top Float64,
    unseen_top_value Nullable(String),
    unseen_distinct UInt64,
    min Nullable(Float64),
    max Nullable(Float64),
    sum Float64,
    sum_squares Float64,
    computed_at DateTime64(3, 'UTC'),
    expires_on Date
  ) ENGINE = ReplacingMergeTree(revision)
  PARTITION BY toYYYYMM(window_start)
  ORDER BY (environment, model, baseline_id, kind, window_start, role, feature, version, slice)
  TTL expires_on`,

  `CREATE TABLE IF NOT EXISTS decision_states (
    environment LowCardinality(String),
    model LowCardinality(String),
    baseline_id String,
    window_start DateTime64(3, 'UTC'),
    window_end DateTime64(3, 'UTC'),
    revision UInt32,
    rows UInt64,
    state String,
    evaluated_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(revision)
  PARTITION BY toYYYYMM(window_start)
  ORDER BY (environment, model, baseline_id, window_start)
  TTL toDateTime(evaluated_at) + INTERVAL 90 DAY`,

  // One row per series, signal and window; signal 'performance' has one row per version with its metrics in \`methods\`.
  `CREATE TABLE IF NOT EXISTS evaluations (
    environment LowCardinality(String),
    model LowCardinality(String),
    baseline_id String,
    window_start DateTime64(3, 'UTC'),
    window_end DateTime64(3, 'UTC'),
    revision UInt32,
    role LowCardinality(String),
    feature LowCardinality(String),
    version LowCardinality(String),
    slice String,
    signal LowCardinality(String),
    state LowCardinality(String),
    rows UInt64,
    reference_rows UInt64,
    effect Nullable(Float64),
    effect_low Nullable(Float64),
    p_value Nullable(Float64),
    threshold Nullable(Float64),
    contrast LowCardinality(String),
    methods Map(LowCardinality(String), Float64),
    evaluated_at DateTime64(3, 'UTC'),
    expires_on Date
  ) ENGINE = ReplacingMergeTree(revision)
  PARTITION BY toYYYYMM(window_start)
  ORDER BY (environment, model, window_start, baseline_id, role, feature, version, slice, signal)
  TTL expires_on`,

  // Every evaluation repeats the present state of each finding: readers reconcile, nothing depends on one row's arrival.
  `CREATE TABLE IF NOT EXISTS finding_history (
    environment LowCardinality(String),
    model LowCardinality(String),
    finding_id String,
    incident_id String,
    window_end DateTime64(3, 'UTC'),
    revision UInt32,
    state LowCardinality(String),
    finding String,
    evaluated_at DateTime64(3, 'UTC'),
    ingest_time DateTime64(3, 'UTC')
  ) ENGINE = MergeTree
  PARTITION BY toYYYYMM(ingest_time)
  ORDER BY (ingest_time, environment, model, finding_id)
  SETTINGS ${deduplication}`,

  `CREATE TABLE IF NOT EXISTS incident_history (
    environment LowCardinality(String),
    model LowCardinality(String),
    incident_id String,
    sequence UInt64,
    state LowCardinality(String),
    harm LowCardinality(String),
    severity LowCardinality(String),
    incident String,
    recorded_at DateTime64(3, 'UTC')
  ) ENGINE = MergeTree
  ORDER BY (recorded_at, environment, model, incident_id)
  SETTINGS ${deduplication}`,

  // Mirror of the alerting role's state file, for detectors and analysts: the latest sequence of a key wins.
  `CREATE TABLE IF NOT EXISTS state_history (
    kind LowCardinality(String),
    key String,
    sequence UInt64,
    value String,
    recorded_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(sequence)
  ORDER BY (kind, key)`,

  `CREATE TABLE IF NOT EXISTS audit (
    at DateTime64(3, 'UTC'),
    actor String,
    action LowCardinality(String),
    subject String,
    detail String
  ) ENGINE = MergeTree
  ORDER BY at`,
];
