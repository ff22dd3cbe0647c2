import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { CompressionTypes, type Message } from "kafkajs";
import { describe, expect, inject, it } from "vitest";
import type { DeadLetterReason } from "../core/inference-event.ts";
import { createFacts } from "../store/facts/client.ts";
import { readFeatureSchemas } from "../store/facts/feature-schemas.ts";
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
  const keys = `"event_id":"x","model":"delay","event_time":${now}`;
  /** What each is refused for. */
  const bad: Readonly<Record<string, readonly [DeadLetterReason, Message]>> = {
    "malformed JSON": ["malformed_json", raw('{"event_id": "x')],
    "an empty value": ["malformed_json", raw(Buffer.alloc(0))],
    "bytes that are no UTF-8": ["malformed_json", raw(Buffer.from([0xff, 0xfe, 0x00]))],
    NaN: ["malformed_json", raw(`{${keys},"features":{"hour":NaN},"prediction":1}`)],
    Infinity: ["malformed_json", raw(`{${keys},"features":{"hour":Infinity},"prediction":1}`)],
    "a number beyond all doubles": ["prediction_invalid", raw(`{${keys},"prediction":1e999}`)],
    "an array": ["not_an_object", raw("[]")],
    "a number": ["not_an_object", raw("1")],
    null: ["not_an_object", raw("null")],
    "1 MB": ["too_large", eventMessage("x", { extra: { blob: "y".repeat(1_000_000) } })],
    "no time": ["time_missing", eventMessage("x", { event_time: undefined })],
    "a time of 0": ["time_invalid", eventMessage("x", { event_time: 0 })],
    "a time in 1970": ["past_time", eventMessage("x", { event_time: "1970-01-02T03:04:05Z" })],
    "a time in 2100": ["future_time", eventMessage("x", { event_time: Date.UTC(2100, 0) })],
    "a time that is none": ["time_invalid", eventMessage("x", { event_time: "yesterday" })],
    "no model": ["model_missing", eventMessage("x", { model: undefined })],
    "a model that is a number": ["model_missing", eventMessage("x", { model: 7 })],
    "no id": ["event_id_missing", eventMessage("x", { event_id: "" })],
    "an unknown environment": ["environment_invalid", eventMessage("x", { environment: "moon" })],
    "features that are a list": ["features_invalid", eventMessage("x", { features: [1, 2] })],
    "a feature that is an object": ["features_invalid", eventMessage("x", { features: { hour: { deep: 1 } } })],
    "a prediction that is an object": ["prediction_invalid", eventMessage("x", { prediction: {} })],
    "a score that is text": ["scores_invalid", eventMessage("x", { scores: { late: "high" } })],
    "a weight of 0": ["weight_invalid", eventMessage("x", { weight: 0 })],
    "a version that is a number": ["field_invalid", eventMessage("x", { version: 3 })],
    "deep nesting": ["features_invalid", raw(`{${keys},"prediction":1,"features":${nested}}`)],
    "deep nesting where anything may be": ["field_invalid", raw(`{${keys},"prediction":1,"extra":{"deep":${nested}}}`)],
  };
  const sqlValue = "a\n\nDROP TABLE events; --";
  const strangeNames = { "a'b\"c": 1, "x.y.z": 2, "📈": 3, "'); DROP TABLE events; --": 4, "": 5 };
  /** These are stored. */
  const strange: readonly Message[] = [
    eventMessage("good"),
    eventMessage("keys", { features: manyKeys }),
    eventMessage("sql", {
      model: "sql",
      features: { note: sqlValue },
      cohorts: { note: sqlValue },
      extra: { [sqlValue]: sqlValue },
    }),
    eventMessage("names", { model: 'it\'s "the" 📈.model', features: strangeNames, cohorts: { "it's": "NY'); --" } }),
    eventMessage("zero", { features: { origin: "a\u0000b" } }),
    eventMessage("type", { features: { hour: "seven" } }),
  ];

  it("neither stop the consumer nor vanish: received = stored + dropped + dead-lettered, by reason", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await using collector = await startTestCollector({ brokers, topics, facts });
    const refused = Object.values(bad).map(([, message]) => message);
    const messages = [eventMessage("good"), ...refused, raw(null), ...strange, eventMessage("last")];
    for (const message of messages) await kafka.send(topics.events, [message]);
    await collector.caughtUp();

    const counts = await ledger(collector, topics.events);
    expect(counts.received).toBe(messages.length);
    expect(counts.stored).toBe(strange.length + 2);
    expect(counts.dropped).toEqual({ tombstone: 1 });
    expect(counts.stored + sum(counts.dropped) + sum(counts.deadLettered)).toBe(messages.length);

    const rows = await facts.query<{ event_id: string; copies: number }>(
      "SELECT event_id, count() AS copies FROM events GROUP BY event_id ORDER BY event_id",
    );
    expect(rows).toEqual([
      { event_id: "good", copies: 2 },
      { event_id: "keys", copies: 1 },
      { event_id: "last", copies: 1 },
      { event_id: "names", copies: 1 },
      { event_id: "sql", copies: 1 },
      { event_id: "type", copies: 1 },
      { event_id: "zero", copies: 1 },
    ]);

    // One partition: the n-th refused message has the offset n, behind the first good one.
    const letters = await kafka.readAll(topics.deadLetters);
    const header = (letter: (typeof letters)[number], name: string) => String(letter.headers?.[`leeway.${name}`]);
    const names = Object.keys(bad);
    expect(
      Object.fromEntries(
        letters.map((letter) => [names[Number(header(letter, "offset")) - 1], header(letter, "reason")]),
      ),
    ).toEqual(Object.fromEntries(Object.entries(bad).map(([name, [reason]]) => [name, reason])));
    expect(letters).toHaveLength(names.length);
    const byReason = Map.groupBy(letters, (letter) => header(letter, "reason"));
    expect(counts.deadLettered).toEqual(
      Object.fromEntries([...byReason].map(([reason, { length }]) => [reason, length])),
    );
  });

  it("that are only strange are stored to the letter", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(1);
    await using collector = await startTestCollector({ brokers, topics, facts });
    await kafka.send(topics.events, strange);
    await collector.caughtUp();
    expect(
      await facts.query(
        "SELECT has(cat, {value:String}) AS feature, cohorts, extra FROM events WHERE event_id = 'sql'",
        {
          value: sqlValue,
        },
      ),
    ).toEqual([{ feature: 1, cohorts: { note: sqlValue }, extra: { [sqlValue]: sqlValue } }]);
    const schemas = await readFeatureSchemas(facts);
    const named = schemas.find((schema) => schema.model === 'it\'s "the" 📈.model');
    expect(named?.fields.map((field) => field.name)).toEqual(Object.keys(strangeNames));
    expect(await facts.query("SELECT model, num, cohorts FROM events WHERE event_id = 'names'")).toEqual([
      { model: 'it\'s "the" 📈.model', num: [1, 2, 3, 4, 5], cohorts: { "it's": "NY'); --" } },
    ]);
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
