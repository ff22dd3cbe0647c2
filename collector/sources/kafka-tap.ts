import { randomUUID } from "node:crypto";
import { LeewayError } from "../../core/errors.ts";
import { silentLogger, type Logger } from "../../core/logger.ts";
import type { RawMessage } from "../partition-batch.ts";
import { connectAdmin, createKafkaClient, type KafkaConnection } from "./kafka-client.ts";

/** Somebody who listens in on topics. */
export interface KafkaTap extends AsyncDisposable {
  /** Rejects when Kafka ended it; never resolves. */
  readonly stopped: Promise<never>;
  /** Messages that it began before, at most: a compacted topic has fewer. */
  readonly before: number;
}

/**
 * Hands over every message that topics get from now on, and the latest before if asked to. The consumer group is its own, of one member, commits nothing and
 * is deleted in the end: no collector notices.
 *
 * @returns once it listens: what is produced afterwards is handed over.
 * @throws LeewayError `kafka_unreachable`, `kafka_topic_missing`.
 */
export async function createKafkaTap(options: {
  readonly connection: KafkaConnection;
  readonly topics: readonly string[];
  /** Messages of one partition, in order. */
  readonly received: (messages: readonly RawMessage[]) => void;
  /** How many of the messages that are there already, over all partitions of each topic; 0 unless told otherwise. */
  readonly latest?: number;
  readonly log?: Logger;
}): Promise<KafkaTap> {
  const { connection, topics, received } = options;
  await using resources = new AsyncDisposableStack();
  const kafka = createKafkaClient(connection, options.log ?? silentLogger);
  const admin = await connectAdmin(kafka, connection);
  resources.defer(() => admin.disconnect());
  const existing = new Set(await admin.listTopics());
  const missing = topics.filter((topic) => !existing.has(topic));
  if (missing.length > 0) {
    const message = `Kafka has no topic ${missing.join(", ")}: correct --topic or kafka.topics, or create it`;
    throw new LeewayError("kafka_topic_missing", message);
  }
  const starts = (
    await Promise.all(
      topics.map(async (topic) => {
        const partitions = await admin.fetchTopicOffsets(topic);
        return startOffsets(partitions, options.latest ?? 0).map((start) => ({ ...start, topic }));
      }),
    )
  ).flat();

  const groupId = `leeway-tap-${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 200,
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 3_000, restartOnFailure: () => Promise.resolve(true) },
  });
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  stopped.catch(() => {});
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => {
    // "The latest" would be looked up with the first fetch: what came since the tap was asked for would be lost.
    for (const { topic, partition, offset } of starts) consumer.seek({ topic, partition, offset: String(offset) });
    joined.resolve();
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (restart) return;
    const failure = new LeewayError("kafka_stopped", `the Kafka consumer ended: ${error.message}`, { cause: error });
    joined.reject(failure);
    reject(failure);
  });
  await consumer.connect();
  resources.defer(async () => {
    await consumer.disconnect();
    // A broker deletes an empty group without offsets by itself; a day later, though.
    await admin.deleteGroups([groupId]).catch(() => {});
  });
  await consumer.subscribe({ topics: [...topics], fromBeginning: false });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch: { topic, partition, messages } }) => {
      received(
        messages.map(({ offset, value, timestamp }) => ({
          topic,
          partition,
          offset: Number(offset),
          value,
          timestampMs: Number(timestamp),
        })),
      );
      return Promise.resolve();
    },
  });
  await joined.promise;
  const held = resources.move();
  const before = starts.reduce((sum, { offset, high }) => sum + high - offset, 0);
  return { stopped, before, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Where to begin so that about `latest` messages lie before the end, shared out over partitions that may be short of them. */
function startOffsets(
  partitions: readonly { readonly partition: number; readonly low: string; readonly high: string }[],
  latest: number,
): { readonly partition: number; readonly offset: number; readonly high: number }[] {
  const shortest = partitions
    .map(({ partition, low, high }) => ({ partition, high: Number(high), length: Number(high) - Number(low) }))
    .toSorted((a, b) => a.length - b.length);
  let left = latest;
  return shortest.map(({ partition, high, length }, index) => {
    const share = Math.min(length, Math.ceil(left / (shortest.length - index)));
    left -= share;
    return { partition, high, offset: high - share };
  });
}
