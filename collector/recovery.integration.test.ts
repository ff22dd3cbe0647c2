import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { systemClock } from "../core/clock.ts";
import { LeewayError } from "../core/errors.ts";
import { dayMs } from "../core/window.ts";
import { startBroker } from "../deploy/kafka/broker.ts";
import type { Facts } from "../store/facts/client.ts";
import { readFeatureSchemas, writeFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { blockToken, encodeIntent, type Intent } from "./intent.ts";
import { createBatchMaker } from "./partition-batch.ts";
import { trustTokensForMs } from "./range-writer.ts";
import {
  connectTestKafka,
  eventMessage,
  startTestCollector,
  type TestCollector,
  type TestKafka,
  type TestTopics,
} from "./testing/collector-fixture.ts";

const brokers = inject("kafkaBrokers");

/** Leaves in Kafka what a collector leaves that dies between its intent and its last commit. */
async function commitIntent(kafka: TestKafka, topics: TestTopics, intent: Intent): Promise<void> {
  await commitMetadata(kafka, topics, intent.lo, encodeIntent(intent));
}

async function commitMetadata(kafka: TestKafka, topics: TestTopics, offset: number, metadata: string): Promise<void> {
  const consumer = kafka.kafka.consumer({ groupId: topics.groupId, maxWaitTimeInMs: 100, retry: { retries: 10 } });
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic: topics.events, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ commitOffsetsIfNecessary }) => {
      const partitions = [{ partition: 0, offset: String(offset), metadata }];
      await commitOffsetsIfNecessary({ topics: [{ topic: topics.events, partitions }] } as never).then(resolve, reject);
    },
  });
  await done;
  await consumer.disconnect();
}

/** What a collector would make of the first messages of partition 0, up to and including `hi`. */
async function decodeRange(kafka: TestKafka, facts: Facts, topics: TestTopics, hi: number) {
  const maker = createBatchMaker({
    discovery: "auto",
    models: [],
    knownSchemas: await readFeatureSchemas(facts),
    caps: { maxModels: 100, maxFeatures: 100 },
    maxValueBytes: 900_000,
    maxEventAgeMs: 800 * dayMs,
    defaultRetentionDays: 90,
    clock: systemClock,
  });
  const batch = maker.createBatch("events");
  const messages = await kafka.readAll(topics.events);
  for (const message of messages.slice(0, hi + 1)) {
    const { value } = message;
    const offset = Number(message.offset);
    batch.add({ topic: topics.events, partition: 0, offset, value, timestampMs: Number(message.timestamp) });
  }
  const decoding = batch.decoding();
  const intent: Intent = {
    lo: 0,
    hi,
    firstTimestampMs: Number(messages[0]?.timestamp),
    decoding: decoding.hash,
    decodedAtMs: Date.now(),
  };
  return { batch, intent, schemas: decoding.newSchemas };
}

type Range = Awaited<ReturnType<typeof decodeRange>>;

/** Inserts the range as its first writer would have. */
async function insertRange(facts: Facts, topics: TestTopics, { batch, intent, schemas }: Range): Promise<void> {
  await writeFeatureSchemas(facts, schemas, Date.now());
  for (const block of batch.blocks()) {
    await facts.insertBlock({ ...block, token: blockToken({ topic: topics.events, partition: 0 }, intent, block) });
  }
}

const sent = 150;
const rangeEnd = 99;
const ids = Array.from({ length: sent }, (_, index) => `e${index}`);

async function storedIds(facts: Facts): Promise<readonly string[]> {
  const rows = await facts.query<{ event_id: string }>("SELECT event_id FROM events ORDER BY offset");
  return rows.map((row) => row.event_id);
}

describe("after a collector died between its intent and its commit, the next one stores each message once", () => {
  const cases: readonly {
    readonly name: string;
    readonly inserted: boolean;
    readonly change: (intent: Intent) => Intent;
  }[] = [
    { name: "when the range had been stored", inserted: true, change: (intent) => intent },
    { name: "when nothing of the range had been stored", inserted: false, change: (intent) => intent },
    {
      name: "when the range had been stored by another decoding",
      inserted: true,
      change: (intent) => ({ ...intent, decoding: "0000000000000000" }),
    },
    {
      name: "when nothing had been stored and the decoding has changed",
      inserted: false,
      change: (intent) => ({ ...intent, decoding: "0000000000000000" }),
    },
    {
      name: "when the range had been stored longer ago than tokens are relied on",
      inserted: true,
      change: (intent) => ({ ...intent, decodedAtMs: intent.decodedAtMs - 2 * trustTokensForMs }),
    },
  ];
  for (const { name, inserted, change } of cases) {
    it(name, async () => {
      await using kafka = await connectTestKafka(brokers);
      await using facts = await createTestDatabase();
      const topics = await kafka.topics(1);
      await kafka.send(
        topics.events,
        ids.map((id) => eventMessage(id)),
      );
      const range = await decodeRange(kafka, facts, topics, rangeEnd);
      if (inserted) await insertRange(facts, topics, range);
      await commitIntent(kafka, topics, change(range.intent));
      await using collector = await startTestCollector({ brokers, topics, facts });
      await collector.caughtUp();
      expect(await storedIds(facts)).toEqual(ids);
      expect(await collector.counted("leeway_messages_received_total", topics.events)).toEqual({ all: sent });
    });
  }

  it("when the new decoding takes what the earlier one refused, and nothing is dead-lettered twice", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await kafka.send(
      topics.events,
      ids.map((id) => eventMessage(id)),
    );
    const range = await decodeRange(kafka, facts, topics, rangeEnd);
    // As though the earlier decoding had refused every third message.
    const refused = new Set(ids.map((_, offset) => offset).filter((offset) => offset <= rangeEnd && offset % 3 === 0));
    const batch = { ...range.batch, blocks: () => range.batch.blocks({ except: refused }) };
    await insertRange(facts, topics, { ...range, batch });
    expect(await storedIds(facts)).toHaveLength(rangeEnd + 1 - refused.size);
    await commitIntent(kafka, topics, { ...range.intent, decoding: "0000000000000000" });
    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    expect(await storedIds(facts)).toEqual(ids);
    expect(await kafka.readAll(topics.deadLetters)).toEqual([]);
  });

  it("even if the dead one was only slow and inserts its range at the very end", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await kafka.send(
      topics.events,
      ids.map((id) => eventMessage(id)),
    );
    const range = await decodeRange(kafka, facts, topics, rangeEnd);
    await commitIntent(kafka, topics, { ...range.intent, decoding: "0000000000000000" });
    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    await insertRange(facts, topics, range);
    expect(await storedIds(facts)).toEqual(ids);
  });

  it("and ignores metadata that are not an intent", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await kafka.send(
      topics.events,
      ids.map((id) => eventMessage(id)),
    );
    await commitMetadata(kafka, topics, 0, "somebody else's");
    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    expect(await storedIds(facts)).toEqual(ids);
  });
});

describe("offsets with holes", () => {
  it("are no loss: transactions, aborted ones included, leave control records", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    const producer = kafka.kafka.producer({
      transactionalId: topics.groupId,
      maxInFlightRequests: 1,
      idempotent: true,
      retry: { retries: 10 },
    });
    await producer.connect();
    for (let index = 0; index < 6; index++) {
      const transaction = await producer.transaction();
      const id = index % 2 === 0 ? `kept${index}` : `aborted${index}`;
      await transaction.send({ topic: topics.events, messages: [eventMessage(id), eventMessage(`${id}b`)] });
      if (index % 2 === 0) await transaction.commit();
      else await transaction.abort();
    }
    await producer.disconnect();
    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    expect(await storedIds(facts)).toEqual(["kept0", "kept0b", "kept2", "kept2b", "kept4", "kept4b"]);
    expect(await collector.counted("leeway_messages_expired_total", topics.events)).toEqual({});
  });

  it("that Kafka deleted before they were read are counted", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    const messages = ids.map((id) => eventMessage(id));
    await kafka.send(topics.events, messages.slice(0, 100));
    {
      await using collector = await startTestCollector({ brokers, topics, facts });
      await collector.caughtUp();
    }
    await kafka.send(topics.events, messages.slice(100));
    // kafkajs forgets to look for the partition's leader.
    await kafka.admin.fetchTopicOffsets(topics.events);
    await kafka.admin.deleteTopicRecords({ topic: topics.events, partitions: [{ partition: 0, offset: "120" }] });
    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    expect(await storedIds(facts)).toEqual([...ids.slice(0, 100), ...ids.slice(120)]);
    expect(await collector.counted("leeway_messages_expired_total", topics.events)).toEqual({ all: 20 });
  });
});

describe("a rebalance", () => {
  it("when a second collector joins and leaves loses nothing and stores nothing twice", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(4);
    let sending = true;
    let count = 0;
    const producing = (async () => {
      while (sending) {
        await kafka.send(
          topics.events,
          Array.from({ length: 200 }, () => eventMessage(`e${count++}`)),
        );
        await delay(10);
      }
    })();
    const members = async (expected: number) => {
      for (;;) {
        const { groups } = await kafka.admin.describeGroups([topics.groupId]);
        if (groups[0]?.state === "Stable" && groups[0].members.length === expected) return;
        await delay(25);
      }
    };
    const options = { brokers, topics, facts, maxAgeMs: 20 };
    await using first = await startTestCollector(options);
    await members(1);
    for (let round = 0; round < 3; round++) {
      await using second = await startTestCollector(options);
      await members(2);
      while (((await second.counted("leeway_messages_received_total", topics.events))["all"] ?? 0) === 0)
        await delay(10);
    }
    await members(1);
    sending = false;
    await producing;
    await first.caughtUp();
    expect(
      await facts.query(
        "SELECT count() AS rows, uniqExact(event_id) AS ids, uniqExact(partition, offset) AS offsets FROM events",
      ),
    ).toEqual([{ rows: count, ids: count, offsets: count }]);
  });
});

describe("a broker that is restarted", () => {
  it("loses no event and stores none twice", { timeout: 90_000 }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "leeway-kafka-restart-"));
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => rm(dataDir, { recursive: true, force: true }));
    await using facts = await createTestDatabase();
    const port = await listeningPort();
    const own = `127.0.0.1:${port}`;
    let broker = await startBroker({ dataDir, port });
    cleanup.defer(() => broker[Symbol.asyncDispose]());
    await using kafka = await connectTestKafka(own);
    const topics = await kafka.topics(2);
    await using collector = await startTestCollector({ brokers: own, topics, facts, maxAgeMs: 20 });
    const messages = ids.map((id) => eventMessage(id));
    await kafka.send(topics.events, messages.slice(0, 50));
    await collector.caughtUp();

    await expect(collector.check()).resolves.toBeUndefined();
    await until(collector, async () => (await lags(collector)).length > 0);
    await broker[Symbol.asyncDispose]();
    await until(collector, () => unreachable(collector));
    // How far behind it is cannot be known now, and 0 would be a claim.
    await until(collector, async () => (await lags(collector)).length === 0);
    broker = await startBroker({ dataDir, port });
    // A broker that has just come back may refuse for a moment; a collector that ended never comes back.
    await persistently(() => kafka.send(topics.events, messages.slice(50)), collector);
    await persistently(() => collector.caughtUp(), collector);
    await expect(collector.check()).resolves.toBeUndefined();
    const extents = await kafka.admin.fetchTopicOffsets(topics.events);
    const inTopic = extents.reduce((total, { high }) => total + Number(high), 0);
    expect(await facts.query("SELECT count() AS rows, uniqExact(event_id) AS ids FROM events")).toEqual([
      { rows: inTopic, ids: sent },
    ]);
  });
});

/**
 * A free port below those that the system gives to outgoing connections: while the broker is away, nobody else may get
 * its port, not even a client's own attempt to reach it.
 */
async function listeningPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** Asks until it is so; rejects as soon as the collector has ended. */
async function until(collector: TestCollector, condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await Promise.race([delay(100), collector.stopped]);
}

/** Tries until it succeeds; rejects as soon as the collector has ended. */
async function persistently(work: () => Promise<unknown>, collector: TestCollector): Promise<void> {
  for (;;) {
    const done = await Promise.race([work(), collector.stopped]).then(
      () => true,
      () => false,
    );
    if (done) return;
    await Promise.race([delay(50), collector.stopped]);
  }
}

async function lags(collector: TestCollector) {
  return (await collector.registry.getSingleMetric("leeway_consumer_lag_events")?.get())?.values ?? [];
}

async function unreachable(collector: TestCollector): Promise<boolean> {
  return collector.check().then(
    () => false,
    (error: unknown) => error instanceof LeewayError && error.code === "kafka_unreachable",
  );
}
