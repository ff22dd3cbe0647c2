export const version = 3;

export const statements: readonly string[] = [
  // The span that stored an event's batch, where the collector traces: what is found in the event goes on from it.
  "ALTER TABLE events ADD COLUMN IF NOT EXISTS batch_traceparent LowCardinality(String)",
];
