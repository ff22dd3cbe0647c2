import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { CompressionTypes, type Message } from "kafkajs";
import { describe, expect, inject, it } from "vitest";
import { createFacts } from "../store/facts/client.ts";
import { readPartitionProgress } from "../store/facts/partition-progress.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import {
  connectTestKafka,
  eventMessage,
  labelMessage,
  startTestCollector,
  type TestCollector,
} from "./testing/collector-fixture.ts";
import { createSeverableProxy } from "./testing/severable-proxy.ts";

const brokers = inject("kafkaBrokers");
const dayMs = 86_400_000;

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

async function ledger(collector: TestCollector, topic: string) {
  const [received, stored, dropped, deadLettered] = await Promise.all(
    ["received", "stored", "dropped", "dead_lettered"].map((name) =>
      collector.counted(`leeway_messages_${name}_total`, topic),
    ),
  );
  return { received: sum(received!), stored: sum(stored!), dropped: dropped!, deadLettered: deadLettered! };
}

async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await delay(25);
}

describe("a collector", () => {
  it("stores an event and a label", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(2);
    await kafka.send(topics.events, [eventMessage("first")]);
    await kafka.send(topics.labels, [labelMessage("first")]);
    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    expect(await facts.query("SELECT event_id, model, prediction_class, topic, offset FROM events")).toEqual([
      { event_id: "first", model: "delay", prediction_class: "late", topic: topics.events, offset: 0 },
    ]);
    expect(await facts.query("SELECT event_id, label_class, topic FROM labels")).toEqual([
      { event_id: "first", label_class: "late", topic: topics.labels },
    ]);
  });

  it("stores ranges that span months, of both topics, each message once", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(3);
    const count = 3_000;
    const at = (index: number) => Date.now() - (index % 100) * dayMs;
    const indices = Array.from({ length: count }, (_, index) => index);
    await kafka.send(
      topics.events,
      indices.map((index) => eventMessage(`e${index}`, { event_time: at(index) })),
    );
    await kafka.send(
      topics.labels,
      indices.map((index) => labelMessage(`e${index}`, { label_time: at(index) })),
    );
    await using collector = await startTestCollector({ brokers, topics, facts, maxRows: 500 });
    await collector.caughtUp();
    for (const table of ["events", "labels"]) {
      expect(await facts.query(`SELECT count() AS rows, uniqExact(event_id) AS ids FROM ${table}`)).toEqual([
        { rows: count, ids: count },
      ]);
    }
    expect(await ledger(collector, topics.events)).toMatchObject({ received: count, stored: count });
    expect(await ledger(collector, topics.labels)).toMatchObject({ received: count, stored: count });
  });

  it("reads what producers compress", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    for (const compression of [CompressionTypes.GZIP, CompressionTypes.Snappy, CompressionTypes.ZSTD]) {
      const messages = [eventMessage(`codec ${compression}`)];
      await kafka.producer.send({ topic: topics.events, acks: -1, compression, messages });
    }
    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    expect(await facts.query("SELECT event_id FROM events ORDER BY offset")).toEqual([
      { event_id: "codec 1" },
      { event_id: "codec 2" },
      { event_id: "codec 4" },
    ]);
  });

  it("goes on from where it was ended, and reports how far it is", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    for (const id of ["first", "second"]) {
      await kafka.send(topics.events, [eventMessage(id)]);
      await using collector = await startTestCollector({ brokers, topics, facts });
      await collector.caughtUp();
      expect((await ledger(collector, topics.events)).received).toBe(1);
    }
    const progress = await readPartitionProgress(facts, topics.groupId);
    expect(progress.find(({ topic }) => topic === topics.events)).toMatchObject({
      partition: 0,
      nextOffset: 2,
      lag: 0,
    });
  });

  it("stores what it holds when it is asked to end", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await kafka.send(topics.events, [eventMessage("held")]);
    {
      await using collector = await startTestCollector({ brokers, topics, facts, maxAgeMs: 3_600_000 });
      await until(async () => (await gauge(collector, "leeway_collector_buffered_messages")) === 1);
    }
    expect(await facts.query("SELECT event_id FROM events")).toEqual([{ event_id: "held" }]);
  });

  it("refuses to start on a topic that does not exist, and names it", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = { ...(await kafka.topics(1)), labels: "no-such-labels" };
    await expect(startTestCollector({ brokers, topics, facts })).rejects.toMatchObject({
      code: "kafka_topic_missing",
      message: expect.stringContaining("no-such-labels"),
    });
  });

  it("refuses to start without a broker, and says where it looked", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await expect(startTestCollector({ brokers: "127.0.0.1:1", topics, facts })).rejects.toMatchObject({
      code: "kafka_unreachable",
      message: expect.stringContaining("127.0.0.1:1"),
    });
  });
});

async function gauge(collector: TestCollector, name: string): Promise<number> {
  const metric = await collector.registry.getSingleMetric(name)?.get();
  return metric?.values[0]?.value ?? 0;
}

describe("bad messages", () => {
  const now = Date.now();
  const nested = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  const manyKeys = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]));
  const raw = (value: string | Buffer | null): Message => ({ value });
  const bad: Readonly<Record<string, Message>> = {
    "malformed JSON": raw('{"event_id": "x'),
    "an empty value": raw(Buffer.alloc(0)),
    "bytes that are no UTF-8": raw(Buffer.from([0xff, 0xfe, 0x00])),
    NaN: raw(`{"event_id":"x","model":"delay","event_time":${now},"features":{"hour":NaN},"prediction":1}`),
    Infinity: raw(`{"event_id":"x","model":"delay","event_time":${now},"features":{"hour":Infinity},"prediction":1}`),
    "an array": raw("[]"),
    "a number": raw("1"),
    null: raw("null"),
    "a tombstone": raw(null),
    "1 MB": eventMessage("x", { extra: { blob: "y".repeat(1_000_000) } }),
    "no time": eventMessage("x", { event_time: undefined }),
    "a time of 0": eventMessage("x", { event_time: 0 }),
    "a time in 1970": eventMessage("x", { event_time: "1970-01-02T03:04:05Z" }),
    "a time in 2100": eventMessage("x", { event_time: Date.UTC(2100, 0) }),
    "a time that is none": eventMessage("x", { event_time: "yesterday" }),
    "no model": eventMessage("x", { model: undefined }),
    "a model that is a number": eventMessage("x", { model: 7 }),
    "no id": eventMessage("x", { event_id: "" }),
    "an unknown environment": eventMessage("x", { environment: "moon" }),
    "features that are a list": eventMessage("x", { features: [1, 2] }),
    "a feature that is an object": eventMessage("x", { features: { hour: { deep: 1 } } }),
    "a prediction that is an object": eventMessage("x", { prediction: {} }),
    "a score that is text": eventMessage("x", { scores: { late: "high" } }),
    "a weight of 0": eventMessage("x", { weight: 0 }),
    "deep nesting": raw(`{"event_id":"x","model":"delay","event_time":${now},"prediction":1,"features":${nested}}`),
  };
  const strange: Readonly<Record<string, Message>> = {
    "a duplicate id": eventMessage("good"),
    "10,000 keys": eventMessage("keys", { features: manyKeys }),
    "a blank line and SQL": eventMessage("sql", { features: { note: "a\n\nDROP TABLE events; --" } }),
    "names with quotes, dots, emoji and SQL": eventMessage("names", {
      features: { "a'b\"c": 1, "x.y.z": 2, "📈": 3, "'); DROP TABLE events; --": 4 },
      cohorts: { "it's": "NY'); --" },
    }),
    "a null byte": eventMessage("zero", { features: { origin: "a\u0000b" } }),
  };

  it("neither stop the consumer nor vanish: received = stored + dropped + dead-lettered, by reason", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await using collector = await startTestCollector({ brokers, topics, facts });
    await kafka.send(topics.events, [eventMessage("good")]);
    for (const message of [...Object.values(bad), ...Object.values(strange)])
      await kafka.send(topics.events, [message]);
    await kafka.send(topics.events, [eventMessage("last")]);
    await collector.caughtUp();

    const counts = await ledger(collector, topics.events);
    const sent = Object.keys(bad).length + Object.keys(strange).length + 2;
    expect(counts.received).toBe(sent);
    expect(counts.dropped).toEqual({ tombstone: 1 });
    expect(counts.stored + sum(counts.dropped) + sum(counts.deadLettered)).toBe(sent);

    const rows = await facts.query<{ event_id: string; copies: number }>(
      "SELECT event_id, count() AS copies FROM events GROUP BY event_id ORDER BY event_id",
    );
    expect(rows.filter((row) => row.event_id !== "x")).toEqual([
      { event_id: "good", copies: 2 },
      { event_id: "keys", copies: 1 },
      { event_id: "last", copies: 1 },
      { event_id: "names", copies: 1 },
      { event_id: "sql", copies: 1 },
      { event_id: "zero", copies: 1 },
    ]);
    expect(rows.reduce((total, row) => total + row.copies, 0)).toBe(counts.stored);

    const letters = await kafka.readAll(topics.deadLetters);
    const reasons = Map.groupBy(letters, (letter) => String(letter.headers?.["leeway.reason"]));
    expect(Object.fromEntries([...reasons].map(([reason, list]) => [reason, list.length]))).toEqual(
      counts.deadLettered,
    );
    expect(Object.keys(counts.deadLettered)).toEqual(
      expect.arrayContaining([
        "malformed_json",
        "not_an_object",
        "too_large",
        "time_missing",
        "time_invalid",
        "past_time",
        "future_time",
        "model_missing",
        "event_id_missing",
        "environment_invalid",
        "features_invalid",
        "prediction_invalid",
        "scores_invalid",
        "weight_invalid",
      ]),
    );
  });

  it("say in their headers where they came from, and keep what they were", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await using collector = await startTestCollector({ brokers, topics, facts });
    const large = Buffer.from(JSON.stringify({ blob: "y".repeat(1_000_000) }));
    await kafka.send(topics.events, [eventMessage("good"), { value: "{" }]);
    await kafka.send(topics.events, [{ value: large }]);
    await collector.caughtUp();
    const letters = await kafka.readAll(topics.deadLetters);
    const headers = letters.map((letter) =>
      Object.fromEntries(Object.entries(letter.headers ?? {}).map(([name, value]) => [name, String(value)])),
    );
    expect(headers).toEqual([
      {
        "leeway.reason": "malformed_json",
        "leeway.error": expect.any(String),
        "leeway.topic": topics.events,
        "leeway.partition": "0",
        "leeway.offset": "1",
        "leeway.time": expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        "leeway.sha256": createHash("sha256").update("{").digest("hex"),
      },
      expect.objectContaining({
        "leeway.reason": "too_large",
        "leeway.offset": "2",
        "leeway.sha256": createHash("sha256").update(large).digest("hex"),
      }),
    ]);
    expect(String(letters[0]?.value)).toBe("{");
    expect(letters[1]?.value).toEqual(large.subarray(0, 256 * 1024));
  });

  it("of the labels topic are told apart by reason too", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await using collector = await startTestCollector({ brokers, topics, facts });
    await kafka.send(topics.labels, [
      { value: "nonsense" },
      labelMessage("a", { label: null }),
      labelMessage("b", { label: {} }),
      labelMessage("", {}),
      labelMessage("c", { label_time: undefined }),
      labelMessage("good"),
    ]);
    await collector.caughtUp();
    expect(await ledger(collector, topics.labels)).toEqual({
      received: 6,
      stored: 1,
      dropped: {},
      deadLettered: { malformed_json: 1, label_missing: 1, label_invalid: 1, key_missing: 1, time_missing: 1 },
    });
  });
});

describe("when the store refuses for good", () => {
  it("a collector ends and says why, and its successor stores what it could not", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    {
      await using collector = await startTestCollector({ brokers, topics, facts });
      await facts.command("RENAME TABLE events TO away");
      await kafka.send(topics.events, [eventMessage("refused")]);
      await expect(collector.stopped).rejects.toMatchObject({ code: "store_rejected", retryable: false });
    }
    await facts.command("RENAME TABLE away TO events");
    await using successor = await startTestCollector({ brokers, topics, facts });
    await successor.caughtUp();
    expect(await facts.query("SELECT event_id FROM events")).toEqual([{ event_id: "refused" }]);
  });
});

describe("while the store is away", () => {
  it("a collector waits within its memory budget, dead-letters nothing, and stores everything afterwards", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const server = inject("clickhouse");
    const { hostname, port } = new URL(server.url);
    await using proxy = await createSeverableProxy({ host: hostname, port: Number(port) });
    await using severable = createFacts({
      ...server,
      url: `http://127.0.0.1:${proxy.port}`,
      database: facts.database,
    });
    const topics = await kafka.topics(2);
    const budget = 2_000_000;
    await using collector = await startTestCollector({ brokers, topics, facts: severable, maxBufferedBytes: budget });
    await kafka.send(topics.events, [eventMessage("before")]);
    await collector.caughtUp();

    proxy.cut();
    const count = 20_000;
    await kafka.send(
      topics.events,
      Array.from({ length: count }, (_, index) => eventMessage(`e${index}`)),
    );
    await until(async () => (await gauge(collector, "leeway_consumer_paused_partitions")) > 0);
    await until(async () => (await gauge(collector, "leeway_collector_retries_total")) > 0);
    // What was fetched when the budget ran out still comes: one fetch.
    expect(await gauge(collector, "leeway_collector_buffered_bytes")).toBeLessThan(budget * 2);

    proxy.mend();
    await collector.caughtUp();
    expect(await facts.query("SELECT count() AS rows, uniqExact(event_id) AS ids FROM events")).toEqual([
      { rows: count + 1, ids: count + 1 },
    ]);
    expect(await ledger(collector, topics.events)).toMatchObject({ stored: count + 1, deadLettered: {} });
  });
});
