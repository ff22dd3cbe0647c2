import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import { featurePositions } from "../core/feature-schema.ts";
import type { Facts } from "../store/facts/client.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { createBatchMaker, type BatchMaker, type MessageKind, type PartitionBatch } from "./partition-batch.ts";

let facts: Facts;
beforeAll(async () => {
  facts = await createTestDatabase();
});
afterAll(async () => {
  await facts[Symbol.asyncDispose]();
});

function createMaker(): BatchMaker {
  return createBatchMaker({
    discovery: "auto",
    models: [],
    knownSchemas: [],
    caps: { maxModels: 100, maxFeatures: 20 },
    maxValueBytes: 1 << 20,
    maxEventAgeMs: 800 * 86_400_000,
    defaultRetentionDays: 90,
    clock: systemClock,
  });
}

interface Sent {
  readonly topic: string;
  readonly batch: PartitionBatch;
}

/** Adds messages from offset 2^33 on (beyond 32 bits). */
function batchOf(kind: MessageKind, messages: readonly object[], maker = createMaker()): Sent {
  const topic = `topic ${randomUUID()}`;
  const batch = maker.createBatch(kind);
  for (const [index, message] of messages.entries()) {
    const value = Buffer.from(JSON.stringify(message));
    expect(batch.add({ topic, partition: 3, offset: 2 ** 33 + index, value, timestampMs: 0 })).toEqual({
      kind: "stored",
    });
  }
  return { topic, batch };
}

async function insert({ topic, batch }: Sent, options: Parameters<PartitionBatch["blocks"]>[0] = {}): Promise<void> {
  for (const block of batch.blocks(options)) {
    await facts.insertBlock({ ...block, token: `${topic}/${block.month}` });
  }
}

interface EventRow {
  readonly environment: string;
  readonly model: string;
  readonly version: string;
  readonly arm: string;
  readonly event_time_ms: number;
  readonly event_id: string;
  readonly schema_id: string;
  readonly num: (number | string | null)[];
  readonly cat: (string | null)[];
  readonly prediction_num: number | null;
  readonly prediction_class: string | null;
  readonly score_entries: [string, number][];
  readonly entity_key: string;
  readonly trace_id: string;
  readonly batch_traceparent: string;
  readonly latency_ms: number | null;
  readonly weight: number;
  readonly cohort_entries: [string, string][];
  readonly attribution_entries: [string, number][];
  readonly extra_entries: [string, string][];
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly ingest_time_ms: number;
  readonly expires_on: string;
}

async function eventsOf(topic: string): Promise<EventRow[]> {
  const entries = (map: string) => `arrayZip(mapKeys(${map}), mapValues(${map}))`;
  return facts.query<EventRow>(
    `SELECT * EXCEPT (event_time, ingest_time, scores, cohorts, attributions, extra),
      toUnixTimestamp64Milli(event_time) AS event_time_ms, toUnixTimestamp64Milli(ingest_time) AS ingest_time_ms,
      ${entries("scores")} AS score_entries, ${entries("cohorts")} AS cohort_entries,
      ${entries("attributions")} AS attribution_entries, ${entries("extra")} AS extra_entries
    FROM events WHERE topic = {topic:String} ORDER BY offset`,
    { topic },
    { settings: { output_format_json_quote_denormals: 1 } },
  );
}

const nowMs = Date.now();

describe("what is read back from the engine equals what was sent", () => {
  test("every column of an event", async () => {
    const sent = batchOf("events", [
      {
        event_id: "e-1",
        model: "flight-delay",
        version: "v3",
        environment: "replay-2026",
        arm: "canary",
        event_time: nowMs - 1,
        features: { hour: 13.5, origin: "JFK", weekend: true, gone: null },
        prediction: "late",
        scores: { late: 0.25, "on time": 0.75 },
        entity_key: "passenger 7",
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
        latency_ms: 12.5,
        weight: 10,
        cohorts: { origin_state: "NY", haul: 3, member: false },
        attributions: { hour: -0.5, origin: 1e-9 },
        extra: { note: "x", nested: { a: [1, null] }, none: null },
      },
      { event_id: "e-2", model: "flight-delay", event_time: new Date(nowMs).toISOString(), prediction: -1.5 },
    ]);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await insert(sent, { traceparent });
    const [first, second] = await eventsOf(sent.topic);
    expect(first).toEqual({
      environment: "replay-2026",
      model: "flight-delay",
      version: "v3",
      arm: "canary",
      event_time_ms: nowMs - 1,
      event_id: "e-1",
      schema_id: sent.batch.decoding().newSchemas[0]?.schemaId,
      num: [13.5],
      cat: ["JFK", "true"],
      prediction_num: null,
      prediction_class: "late",
      score_entries: [
        ["late", 0.25],
        ["on time", 0.75],
      ],
      entity_key: "passenger 7",
      trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
      batch_traceparent: traceparent,
      latency_ms: 12.5,
      weight: 10,
      cohort_entries: [
        ["origin_state", "NY"],
        ["haul", "3"],
        ["member", "false"],
      ],
      attribution_entries: [
        ["hour", -0.5],
        ["origin", 1e-9],
      ],
      extra_entries: [
        ["note", "x"],
        ["nested", '{"a":[1,null]}'],
        ["none", "null"],
      ],
      topic: sent.topic,
      partition: 3,
      offset: 2 ** 33,
      ingest_time_ms: expect.any(Number),
      expires_on: new Date((first?.ingest_time_ms ?? 0) + 90 * 86_400_000).toISOString().slice(0, 10),
    });
    expect(second).toMatchObject({
      environment: "production",
      version: "",
      arm: "",
      event_time_ms: nowMs,
      num: [null],
      cat: [null, null],
      prediction_num: -1.5,
      prediction_class: null,
      score_entries: [],
      entity_key: "",
      latency_ms: null,
      weight: 1,
      cohort_entries: [],
      extra_entries: [],
      offset: 2 ** 33 + 1,
    });
  });

  test("every column of a label", async () => {
    const labels = [
      { event_id: "e-1", model: "m", label: true, label_time: nowMs },
      { entity_key: "k", model: "m", environment: "staging", label: 12.25, label_time: nowMs - 1 },
      { event_id: "e-2", entity_key: "k", model: "m", label: "", label_time: nowMs - 2 },
      { event_id: "e-2", model: "m", name: "revenue", label: 9.5, label_time: nowMs - 2 },
    ];
    const sent = batchOf("labels", labels);
    await insert(sent);
    const rows = await facts.query(
      `SELECT environment, model, toUnixTimestamp64Milli(label_time) AS ms, event_id, entity_key, name, label_num, label_class,
        partition, offset, dateDiff('day', toDate(ingest_time), expires_on) AS days
      FROM labels WHERE topic = {topic:String} ORDER BY offset`,
      { topic: sent.topic },
    );
    const shared = { model: "m", partition: 3, days: 90, name: "" };
    expect(rows).toEqual([
      {
        ...shared,
        environment: "production",
        ms: nowMs,
        event_id: "e-1",
        entity_key: "",
        label_num: null,
        label_class: "true",
        offset: 2 ** 33,
      },
      {
        ...shared,
        environment: "staging",
        ms: nowMs - 1,
        event_id: "",
        entity_key: "k",
        label_num: 12.25,
        label_class: null,
        offset: 2 ** 33 + 1,
      },
      {
        ...shared,
        environment: "production",
        ms: nowMs - 2,
        event_id: "e-2",
        entity_key: "k",
        label_num: null,
        label_class: "",
        offset: 2 ** 33 + 2,
      },
      {
        ...shared,
        environment: "production",
        ms: nowMs - 2,
        event_id: "e-2",
        entity_key: "",
        name: "revenue",
        label_num: 9.5,
        label_class: null,
        offset: 2 ** 33 + 3,
      },
    ]);
  });

  test("a value that holds a blank line and SQL, and names with quotes, dots, emoji and SQL", async () => {
    const odd = [
      "x\n\nDROP TABLE events; --",
      "'); DROP TABLE events; --",
      '"quoted"',
      "a.b.c",
      "😀 é \u0000 \t",
      "`tick`",
      "__proto__",
      "constructor",
      "",
      " ",
      "\ud800",
    ];
    const whole = odd.map((text) => Buffer.from(text).toString());
    const events = odd.map((text, index) => ({
      event_id: `${index}${text}`,
      model: `model ${text}`,
      version: text,
      arm: text,
      event_time: nowMs,
      features: JSON.parse(`{${JSON.stringify(text)}: ${JSON.stringify(text)}}`),
      prediction: text,
      scores: JSON.parse(`{${JSON.stringify(text)}: 1}`),
      entity_key: text,
      trace_id: text,
      cohorts: JSON.parse(`{${JSON.stringify(text)}: ${JSON.stringify(text)}}`),
      attributions: JSON.parse(`{${JSON.stringify(text)}: 2}`),
      extra: JSON.parse(`{${JSON.stringify(text)}: ${JSON.stringify(text)}}`),
    }));
    const sent = batchOf("events", events);
    await insert(sent);
    const rows = await eventsOf(sent.topic);
    expect(rows.map((row) => row.event_id)).toEqual(whole.map((text, index) => `${index}${text}`));
    expect(rows.map((row) => row.model)).toEqual(whole.map((text) => `model ${text}`));
    for (const column of ["version", "arm", "prediction_class", "entity_key", "trace_id"] as const) {
      expect(rows.map((row) => row[column])).toEqual(whole);
    }
    expect(rows.map((row) => row.cat)).toEqual(whole.map((text) => [text]));
    expect(rows.map((row) => row.score_entries)).toEqual(whole.map((text) => [[text, 1]]));
    expect(rows.map((row) => row.attribution_entries)).toEqual(whole.map((text) => [[text, 2]]));
    expect(rows.map((row) => row.cohort_entries)).toEqual(whole.map((text) => [[text, text]]));
    expect(rows.map((row) => row.extra_entries)).toEqual(whole.map((text) => [[text, text]]));
    expect(sent.batch.decoding().newSchemas.map((schema) => schema.fields[0]?.name)).toEqual(odd);
  });

  test("a megabyte in one value, and 70,000 distinct categories in one block", async () => {
    const big = "é".repeat(500_000);
    const sent = batchOf("events", [{ event_id: "big", model: "m", event_time: nowMs, extra: { big } }]);
    await insert(sent);
    expect((await eventsOf(sent.topic))[0]?.extra_entries).toEqual([["big", big]]);

    const wide = batchOf(
      "events",
      Array.from({ length: 70_000 }, (_, index) => ({
        event_id: String(index),
        model: "m",
        event_time: nowMs,
        features: { user: `user ${index}` },
      })),
    );
    await insert(wide);
    const [count] = await facts.query<{ rows: number; wrong: number }>(
      `SELECT count() AS rows, countIf(cat[1] != 'user ' || event_id) AS wrong FROM events WHERE topic = {topic:String}`,
      { topic: wide.topic },
    );
    expect(count).toEqual({ rows: 70_000, wrong: 0 });
  });

  test("non-finite numbers", async () => {
    const sent = batchOf("events", [
      { event_id: "1", model: "m", event_time: nowMs, features: { a: 1, b: 2, c: 3 } },
      { event_id: "2", model: "m", event_time: nowMs, features: { a: "NaN", b: "Infinity", c: "-Infinity" } },
    ]);
    await insert(sent);
    expect((await eventsOf(sent.topic)).map((row) => row.num)).toEqual([
      [1, 2, 3],
      ["nan", "inf", "-inf"],
    ]);
  });

  test("any features, wherever they end up: in their arrays, or in `extra` if their type or number does not fit", async () => {
    // Any UTF-16 that UTF-8 can carry: what stands alone of a surrogate pair becomes U+FFFD on the way.
    const text = fc
      .array(fc.nat(0xffff), { maxLength: 8 })
      .map((codes) => String.fromCharCode(...codes).toWellFormed());
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
      text,
      fc.boolean(),
      fc.constant(null),
    );
    const name = fc.oneof(fc.constantFrom("a", "b", "c", "__proto__"), text);
    const features = fc.array(fc.tuple(name, value), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(features, { minLength: 1, maxLength: 30 }), async (events) => {
        const maker = createMaker();
        const objects = events.map((entries) =>
          JSON.parse(`{${entries.map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(item)}`).join(",")}}`),
        );
        const sent = batchOf(
          "events",
          objects.map((object, index) => ({ event_id: `${index}`, model: "m", event_time: nowMs, features: object })),
          maker,
        );
        await insert(sent);
        const schemas = new Map(sent.batch.decoding().newSchemas.map((schema) => [schema.schemaId, schema]));
        const rows = await eventsOf(sent.topic);
        expect(rows).toHaveLength(events.length);
        for (const [index, row] of rows.entries()) {
          const schema = schemas.get(row.schema_id);
          const read = new Map(row.extra_entries);
          for (const [field, position] of featurePositions(schema ?? { schemaId: "", model: "", fields: [] })) {
            const stored = row[position.array][position.index - 1];
            if (stored !== null) read.set(field, String(stored));
          }
          const expected = new Map(
            Object.keys(objects[index])
              .filter((field) => objects[index][field] !== null)
              .map((field) => [field, String(objects[index][field])]),
          );
          expect(read).toEqual(expected);
        }
      }),
      { numRuns: 25 },
    );
  });
});

test("rows of two months are two blocks, and both arrive", async () => {
  const day = 86_400_000;
  const sent = batchOf("events", [
    { event_id: "1", model: "m", event_time: nowMs },
    { event_id: "2", model: "m", event_time: nowMs - 40 * day },
    { event_id: "3", model: "m", event_time: nowMs },
  ]);
  const blocks = sent.batch.blocks();
  expect(blocks.map((block) => block.rows)).toEqual([2, 1]);
  await insert(sent);
  expect((await eventsOf(sent.topic)).map((row) => row.event_id)).toEqual(["1", "2", "3"]);
});

test("offsets that are stored already can be left out of a batch, in every column", async () => {
  const events = Array.from({ length: 9 }, (_, index) => ({
    event_id: `e${"x".repeat(index * 30)}`,
    model: `m${index}`,
    event_time: nowMs,
    features: { a: index, [`b${index}`]: `c${index}`, d: index % 2 === 0 },
    prediction: index % 2 === 0 ? index : `class ${index}`,
    scores: Object.fromEntries(Array.from({ length: index }, (_, item) => [`s${item}`, index + item])),
    cohorts: { region: `r${index}` },
    extra: { [`k${index}`]: "v".repeat(index * 60) },
  }));
  const sent = batchOf("events", events);
  await insert(sent, { except: new Set([2 ** 33, 2 ** 33 + 3, 2 ** 33 + 4, 2 ** 33 + 8, 1]) });
  const part = await eventsOf(sent.topic);
  const whole = batchOf("events", events);
  await insert(whole);
  const all = await eventsOf(whole.topic);
  const kept = [1, 2, 5, 6, 7].map((index) => all[index]);
  const comparable = (row: EventRow | undefined) => ({ ...row, topic: "", ingest_time_ms: 0 });
  expect(part.map(comparable)).toEqual(kept.map(comparable));
});
