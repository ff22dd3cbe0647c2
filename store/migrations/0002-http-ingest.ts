/** What the way over HTTP needs where there is no Kafka: which requests were begun, and what was refused. */
export const version = 2;

export const statements: readonly string[] = [
  // Written before the rows of a request, so that whoever gets the request again decodes it alike. `request` is a sha256
  // over the idempotency key; the first row of a request counts.
  `CREATE TABLE IF NOT EXISTS ingest_requests (
    kind LowCardinality(String),
    request FixedString(64),
    body_sha256 FixedString(64),
    messages UInt32,
    decoding String,
    decoded_at DateTime64(3, 'UTC')
  ) ENGINE = MergeTree
  ORDER BY (request, kind, decoded_at)
  TTL toDateTime(decoded_at) + INTERVAL 7 DAY`,

  // At least once: a message is identified by topic, partition and offset.
  `CREATE TABLE IF NOT EXISTS dead_letters (
    topic LowCardinality(String),
    partition UInt32,
    offset Int64,
    reason LowCardinality(String),
    detail String,
    value String,
    sha256 FixedString(64),
    received_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree
  ORDER BY (topic, toDate(received_at), partition, offset)
  TTL toDateTime(received_at) + INTERVAL 90 DAY`,
];
