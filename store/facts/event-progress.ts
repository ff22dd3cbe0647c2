import type { Facts } from "./client.ts";

/**
 * How far one model's rows of one source partition reach. Files have the topic '' and are one partition together: a file
 * that is stored has nothing left to read, and must not hold back what came after it. What came over HTTP has the path it
 * was sent to, which no topic of Kafka can be called; there too `partition` is part of an identity, and here it is 0.
 */
export interface EventProgress {
  readonly environment: string;
  readonly model: string;
  readonly topic: string;
  readonly partition: number;
  readonly maxEventTimeMs: number;
  /** Wall time at which the newest of the rows looked at was stored. */
  readonly lastIngestMs: number;
}

const sourcePartition = "if(events.topic = '' OR startsWith(events.topic, '/'), 0, events.partition)";

/** Progress of the named models over rows with an event time at or after `sinceMs`. */
export async function readEventProgress(
  facts: Facts,
  options: {
    readonly environments: readonly string[];
    readonly models: readonly string[];
    readonly sinceMs: number;
  },
): Promise<EventProgress[]> {
  if (options.environments.length === 0 || options.models.length === 0) return [];
  return facts.query<EventProgress>(
    `SELECT toString(environment) AS environment, toString(model) AS model, toString(topic) AS topic,
       ${sourcePartition} AS partition,
       toUnixTimestamp64Milli(max(event_time)) AS maxEventTimeMs, toUnixTimestamp64Milli(max(ingest_time)) AS lastIngestMs
     FROM events
     WHERE events.environment IN {environments:Array(String)} AND events.model IN {models:Array(String)}
       AND event_time >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
     GROUP BY environment, model, topic, partition`,
    { ...options },
  );
}

/** The largest event time of any model in each partition, over rows with an event time at or after `sinceMs`. */
export async function readPartitionEventTimes(
  facts: Facts,
  sinceMs: number,
): Promise<{ readonly topic: string; readonly partition: number; readonly maxEventTimeMs: number }[]> {
  return facts.query(
    `SELECT toString(events.topic) AS topic, ${sourcePartition} AS partition,
       toUnixTimestamp64Milli(max(event_time)) AS maxEventTimeMs
     FROM events WHERE events.topic != '' AND event_time >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
     GROUP BY topic, partition`,
    { sinceMs },
  );
}
