import { setTimeout as delay } from "node:timers/promises";
import type { Admin, Consumer, ConsumerGroupJoinEvent, EachBatchPayload, IHeaders, Kafka } from "kafkajs";
import { LeewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { isTraceparent } from "../../core/traceparent.ts";
import type { Commit, CommitOutcome, LogBatch, LogConsumer, LogHandler, Place, Position } from "../log-consumer.ts";
import type { RawMessage } from "../partition-batch.ts";
import { isRetriable, kafkaErrorType } from "./kafka-client.ts";

/** These say that this member is no longer, or not yet again, a member: somebody else may own its partitions. */
const membershipErrors: ReadonlySet<string> = new Set([
  "REBALANCE_IN_PROGRESS",
  "ILLEGAL_GENERATION",
  "UNKNOWN_MEMBER_ID",
  "NOT_COORDINATOR_FOR_GROUP",
  "FENCED_INSTANCE_ID",
]);

const heartbeatIntervalMs = 500;
const stopTimeoutMs = 10_000;
/** kafkajs says something at least this often while it lives, an outage of the brokers included. */
const silenceTimeoutMs = 120_000;

/** kafkajs has the offset a fetch asked for, but does not declare it. */
interface FetchedBatch {
  readonly fetchedOffset: string;
}

/**
 * A member of a Kafka consumer group, with the guards that kafkajs 2.2.4 needs. Offsets are committed only by `commit`;
 * a partition without a committed offset is read from its beginning.
 */
export async function createKafkaConsumer(options: {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly groupId: string;
  readonly topics: readonly string[];
  /** After this time without a heartbeat a dead member's partitions go to the others. */
  readonly sessionTimeoutMs: number;
  readonly handler: LogHandler;
  readonly log: Logger;
}): Promise<LogConsumer> {
  const { kafka, admin, groupId, topics, handler, log } = options;
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: options.sessionTimeoutMs,
    // Members rejoin at once, since batches are only taken over, so one that does not is dead: after a broker's restart a
    // join would else wait half a minute for connections that no longer exist.
    rebalanceTimeout: options.sessionTimeoutMs,
    heartbeatInterval: Math.min(heartbeatIntervalMs, Math.floor(options.sessionTimeoutMs / 4)),
    // Everything waits for a fetch under way: rebalances, disconnects, noticing a dead member.
    maxWaitTimeInMs: 200,
    // Small fetches cost a third less CPU a message. A larger message is still delivered.
    maxBytes: 262_144,
    // The client's own retry does not reach a consumer.
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 3_000, restartOnFailure: () => Promise.resolve(true) },
  });

  // The generation counts joins of this member; commits, batches and buffers belong to one.
  let generation = 0;
  let generationEnded = new AbortController();
  let generationReady: Promise<void> = Promise.resolve();
  let readyGeneration = 0;
  let commitOffsets: { generation: number; call: EachBatchPayload["commitOffsetsIfNecessary"] } | null = null;
  // What a commit was told; kafkajs learns it from the next batch and joins again.
  let membershipLost: { generation: number; error: unknown } | null = null;
  let ending = false;

  const { promise: stopped, reject: failStopped } = Promise.withResolvers<void>();
  stopped.catch(() => {});
  const fail = (what: string, cause: unknown) => {
    if (ending) return;
    generationEnded.abort();
    const error =
      cause instanceof LeewayError
        ? cause
        : new LeewayError("kafka_stopped", `the Kafka consumer of group ${groupId} ended: ${what}`, { cause });
    failStopped(error);
  };

  let lastSignMs = performance.now();
  const sign = () => {
    lastSignMs = performance.now();
  };

  const joined = (event: ConsumerGroupJoinEvent) => {
    sign();
    generationEnded.abort();
    generationEnded = new AbortController();
    membershipLost = null;
    const mine = ++generation;
    const places = Object.entries(event.payload.memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    const { signal } = generationEnded;
    // Nothing is fetched before the committed offsets have been read: when one is out of range, kafkajs commits "the
    // earliest" over it, and how much was lost could not be known any more.
    consumer.pause(topics.map((topic) => ({ topic })));
    generationReady = handler
      .assigned(mine, places, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) fail("what it was assigned could not be taken over", error);
      })
      .finally(() => {
        readyGeneration = Math.max(readyGeneration, mine);
        // A pause outlives an assignment: this ends those of earlier generations too.
        if (mine === generation) ifRunning(() => consumer.resume(topics.map((topic) => ({ topic }))));
      });
  };

  const eachBatch = async (payload: EachBatchPayload) => {
    sign();
    const mine = generation;
    if (ending || generationEnded.signal.aborted) return;
    // Thrown as it came: kafkajs knows what to do about its own errors, and only about those.
    if (membershipLost !== null && membershipLost.generation === mine) throw membershipLost.error;
    commitOffsets = { generation: mine, call: payload.commitOffsetsIfNecessary };
    if (readyGeneration < mine) await heartbeatUntil(generationReady, payload);
    if (mine !== generation || payload.isStale()) return;
    try {
      await handler.batch(logBatch(payload, mine));
    } catch (error) {
      // A TypeError that escapes from here leaves a process that lives and consumes nothing ever again.
      fail("a batch could not be taken", error);
    }
  };

  consumer.on(consumer.events.GROUP_JOIN, joined);
  consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0) return;
    handler.passed(generation, payload, Number(payload.lastOffset) + 1);
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    sign();
    if (restart) log.warn({ error: error.message }, "the Kafka consumer starts again");
    else fail(error.message, error);
  });
  for (const event of [consumer.events.FETCH, consumer.events.HEARTBEAT, consumer.events.CONNECT] as const) {
    consumer.on(event as typeof consumer.events.CONNECT, sign);
  }
  const watchdog = setInterval(() => {
    if (performance.now() - lastSignMs > silenceTimeoutMs)
      fail(`no sign of life for ${silenceTimeoutMs / 1000} s`, null);
  }, 5_000);
  watchdog.unref();

  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch });

  return {
    stopped,

    async commit(ofGeneration, commits): Promise<CommitOutcome> {
      const signal = generationEnded.signal;
      for (let attempt = 0; ; attempt++) {
        if (ofGeneration !== generation || signal.aborted || commitOffsets?.generation !== generation) return "lost";
        try {
          // Not `consumer.commitOffsets`: during a rebalance it throws an error that ends the consumer.
          await commitOffsets.call(byTopic(commits));
          return ofGeneration === generation ? "committed" : "lost";
        } catch (error) {
          if (membershipErrors.has(kafkaErrorType(error) ?? "")) {
            if (ofGeneration === generation) membershipLost = { generation, error };
            return "lost";
          }
          if (!isRetriable(error)) throw error;
          log.warn({ error: String(error), attempt }, "an offset commit is tried again");
          await delay(jittered(Math.min(3_000, 100 * 2 ** attempt)), undefined, { signal }).catch(() => {});
        }
      }
    },

    async positions(places): Promise<readonly Position[]> {
      const wanted = [...new Set(places.map((place) => place.topic))];
      const answer = await admin.fetchOffsets({ groupId, topics: wanted });
      const known = new Map(
        answer.flatMap(({ topic, partitions }) =>
          partitions.map((entry) => [`${entry.partition}/${topic}`, entry] as const),
        ),
      );
      return places.map(({ topic, partition }) => {
        const entry = known.get(`${partition}/${topic}`);
        const offset = Number(entry?.offset ?? -1);
        // kafkajs commits −2, "the earliest", when an offset is out of range.
        if (entry === undefined || offset < 0) return { topic, partition, offset: null, metadata: null };
        return { topic, partition, offset, metadata: entry.metadata };
      });
    },

    async extent(topic) {
      const offsets = await admin.fetchTopicOffsets(topic);
      return new Map(
        offsets.map((entry) => [entry.partition, { low: Number(entry.low), high: Number(entry.high) }] as const),
      );
    },

    seek: ({ topic, partition }, offset) =>
      ifRunning(() => consumer.seek({ topic, partition, offset: String(offset) })),
    pause: (places) => ifRunning(() => consumer.pause(placesByTopic(places))),
    resume: (places) => ifRunning(() => consumer.resume(placesByTopic(places))),

    async [Symbol.asyncDispose]() {
      ending = true;
      clearInterval(watchdog);
      generationEnded.abort();
      // kafkajs can hang in a disconnect when brokers are away; the group notices our absence all the same.
      const giveUp = new AbortController();
      const late = delay(stopTimeoutMs, "late", { signal: giveUp.signal, ref: false }).catch(() => "in time");
      await Promise.race([disconnect(consumer, log), late]);
      giveUp.abort();
    },
  };
}

/** Between a crash and its restart kafkajs has no group, and the next join begins anew anyway. */
function ifRunning(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("Consumer group was not initialized"))) throw error;
  }
}

async function disconnect(consumer: Consumer, log: Logger): Promise<void> {
  try {
    await consumer.disconnect();
  } catch (error) {
    log.warn({ error: String(error) }, "the Kafka consumer did not disconnect in good order");
  }
}

async function heartbeatUntil(ready: Promise<void>, payload: EachBatchPayload): Promise<void> {
  let done = false;
  const settled = ready.then(() => {
    done = true;
  });
  while (!done) {
    const giveUp = new AbortController();
    await Promise.race([settled, delay(heartbeatIntervalMs, undefined, { signal: giveUp.signal }).catch(() => {})]);
    giveUp.abort();
    if (!done) await payload.heartbeat();
  }
}

/** @returns null without one that can be continued: a header of that name that says something else is nobody's fault here. */
export function traceparentOf(headers: IHeaders | undefined): string | null {
  const header = headers?.["traceparent"];
  if (header === undefined || Array.isArray(header)) return null;
  const text = typeof header === "string" ? header : header.toString("latin1");
  return isTraceparent(text) ? text : null;
}

function logBatch({ batch }: EachBatchPayload, generation: number): LogBatch {
  const { topic, partition } = batch;
  const messages: RawMessage[] = [];
  for (const message of batch.messages) {
    messages.push({
      topic,
      partition,
      offset: Number(message.offset),
      value: message.value,
      timestampMs: Number(message.timestamp),
      traceparent: traceparentOf(message.headers),
    });
  }
  return {
    topic,
    partition,
    generation,
    fetchedOffset: Number((batch as unknown as FetchedBatch).fetchedOffset),
    nextOffset: Number(batch.lastOffset()) + 1,
    highWatermark: Number(batch.highWatermark),
    messages,
  };
}

function byTopic(commits: readonly Commit[]) {
  const topics = new Map<string, { partition: number; offset: string; metadata: string | null }[]>();
  for (const { topic, partition, offset, metadata } of commits) {
    const partitions = topics.get(topic) ?? [];
    partitions.push({ partition, offset: String(offset), metadata });
    topics.set(topic, partitions);
  }
  return { topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })) };
}

function placesByTopic(places: readonly Place[]) {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of places) topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}

function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}
