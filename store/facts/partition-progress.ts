import type { Facts } from "./client.ts";

/** How far a consumer group has stored one partition of a topic. */
export interface StoredProgress {
  readonly topic: string;
  readonly partition: number;
  /** Every message before this offset is stored, dropped or dead-lettered. */
  readonly nextOffset: number;
  /** Offsets from there to the partition's end. */
  readonly lag: number;
  /** When the latest message came, on the collector's clock. */
  readonly lastMessageAtMs: number;
  readonly reportedAtMs: number;
}

/** Written about once a second, and every few seconds when nothing changes, so that silence means a dead collector. */
export async function writePartitionProgress(
  facts: Facts,
  group: string,
  progress: readonly StoredProgress[],
): Promise<void> {
  if (progress.length === 0) return;
  const rows = progress.map((entry) => ({
    consumer_group: group,
    topic: entry.topic,
    partition: entry.partition,
    next_offset: entry.nextOffset,
    lag: entry.lag,
    last_message_at: decimalSeconds(entry.lastMessageAtMs),
    reported_at: decimalSeconds(entry.reportedAtMs),
  }));
  // The latest report wins, so a repeated one does no harm.
  await facts.insertRows("partition_progress", rows, null);
}

/** The latest report of each partition, of one group or of all. */
export async function readPartitionProgress(facts: Facts, group?: string): Promise<readonly StoredProgress[]> {
  const rows = await facts.query<{
    topic: string;
    partition: number;
    next_offset: number;
    lag: number;
    last_message_ms: number;
    reported_ms: number;
  }>(
    `SELECT topic, partition, next_offset, lag,
      toUnixTimestamp64Milli(last_message_at) AS last_message_ms, toUnixTimestamp64Milli(reported_at) AS reported_ms
    FROM partition_progress
    WHERE {group:String} = '' OR consumer_group = {group:String}
    ORDER BY reported_at DESC
    LIMIT 1 BY consumer_group, topic, partition`,
    { group: group ?? "" },
  );
  return rows.map((row) => ({
    topic: row.topic,
    partition: Number(row.partition),
    nextOffset: Number(row.next_offset),
    lag: Number(row.lag),
    lastMessageAtMs: Number(row.last_message_ms),
    reportedAtMs: Number(row.reported_ms),
  }));
}

/** DateTime64 takes seconds with decimals in every time zone setting. */
function decimalSeconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
